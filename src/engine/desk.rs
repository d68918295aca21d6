//! One account of a contact centre: its two tokens and its chat session, shared by its inbox and its
//! outboxes.
//!
//! Invariants: one fetch of each token and one CONNECT at a time, and none while a file's message is on its
//! way; each step that the protocol knows against a fault is taken once for an original request.

mod pass;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard};

pub(super) use self::pass::Pass;
use super::Ports;
use super::holder::Holder;
use crate::flow::ccmessaging::access;
use crate::flow::ccmessaging::calls::DeskCall;
use crate::flow::ccmessaging::chat::{
    Chat, ChatStep, Queue, read_connect, read_disconnect, read_queue_info, read_transfer,
    robot_only,
};
use crate::flow::ccmessaging::mend::{Mend, Mended};
use crate::flow::{server_time, transport_fault};
use crate::model::desk::DeskSpec;
use crate::model::event::Event;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::time::{Monotonic, Timestamp};
use crate::port::transport::{Reply, Request, StreamedReply, TransportFault};

/// Taking leave of the desk takes no longer.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// The room that everybody who speaks with one desk shares.
pub(super) struct Desk {
    /// Configuration.
    pub spec: DeskSpec,
    ports: Ports,
    bearer: Holder,
    session: Holder,
    chat: Mutex<Chat>,
    /// Held alone to open a chat session, and together by the messages that are to arrive in this one.
    session_change: RwLock<()>,
    chats: AtomicU64,
    /// What the desk's clock said, and when.
    server_clock: Mutex<Option<(Timestamp, Monotonic)>>,
    refused: Mutex<VecDeque<Monotonic>>,
}

impl Desk {
    /// Nothing is asked before the first call.
    pub(super) fn new(spec: DeskSpec, ports: Ports) -> Self {
        Self {
            spec,
            ports,
            bearer: Holder::default(),
            session: Holder::default(),
            chat: Mutex::default(),
            session_change: RwLock::default(),
            chats: AtomicU64::new(0),
            server_clock: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    fn chat(&self) -> MutexGuard<'_, Chat> {
        self.chat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn server_clock(&self) -> MutexGuard<'_, Option<(Timestamp, Monotonic)>> {
        let clock = self.server_clock.lock();
        clock.unwrap_or_else(PoisonError::into_inner)
    }

    /// What time it is at the desk: by its own clock where its answers told that, for ours may be set
    /// wrong.
    pub(super) fn server_now(&self) -> Timestamp {
        match *self.server_clock() {
            Some((theirs, at)) => theirs.plus(self.ports.clock.monotonic().since(at)),
            None => self.now(),
        }
    }

    /// A call with fresh tokens where those it went with were refused.
    ///
    /// # Errors
    /// What is left after that.
    pub(super) async fn call<T>(
        &self,
        call: &DeskCall,
        read: impl Fn(&Reply) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut mended = Mended::default();
        loop {
            let pass = self.pass().await?;
            let (bearer, session) = pass.tokens();
            let request = call.request(&self.spec, bearer, session);
            let reply = self.exchange(call.call, request, &pass).await?;
            let read = read(&reply);
            self.tell_answered(call.call, read.as_ref().err());
            match read {
                Ok(answer) => {
                    self.accepted(&pass);
                    return Ok(answer);
                }
                Err(fault) if self.renews(&pass, &fault, &mut mended) => {}
                Err(fault) => {
                    self.chat().failed(&fault);
                    return Err(fault);
                }
            }
        }
    }

    /// A call that needs a chat session: one is opened where there is none. A file's message needs an agent
    /// besides: a new session may be with a robot, who takes it and has no use for it.
    ///
    /// # Errors
    /// What is left after that.
    pub(super) async fn call_in_chat<T>(
        &self,
        call: &DeskCall,
        read: impl Fn(&Reply) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut mended = Mended::default();
        loop {
            let session = if call.call == Call::Send {
                Some(self.session_with_agent().await?)
            } else {
                self.join().await?;
                None
            };
            let answered = self.call(call, &read).await;
            drop(session);
            let fault = match answered {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if !self.calls_for_session(&fault, &mut mended).await? {
                return Err(fault);
            }
        }
    }

    /// Whether a call that ended in `fault` is to be repeated in a new session, because there is none any
    /// more. Where the fault leaves that open, the queue is asked.
    ///
    /// # Errors
    /// The queue cannot be asked.
    pub(super) async fn calls_for_session(
        &self,
        fault: &Fault,
        mended: &mut Mended,
    ) -> Result<bool, Fault> {
        match mended.next(fault) {
            Some(Mend::Connect) => Ok(true),
            Some(Mend::AskQueue) => match self.ask_queue().await {
                Err(unasked) if self.is_connected() => Err(unasked),
                _ => Ok(!self.is_connected()),
            },
            _ => Ok(false),
        }
    }

    /// What a fault says of the chat session is known from now on.
    pub(super) fn failed(&self, fault: &Fault) {
        self.chat().failed(fault);
    }

    /// A session with an agent, and no other is opened while it is held: a message that comes too late for
    /// this one must be refused, and not be taken by a robot in the next.
    async fn session_with_agent(&self) -> Result<RwLockReadGuard<'_, ()>, Fault> {
        loop {
            self.ready_to_send().await?;
            let session = self.session_change.read().await;
            if self.chat().before_sending() == ChatStep::Go {
                return Ok(session);
            }
        }
    }

    /// One exchange; a newer session token is taken from whatever comes back.
    ///
    /// # Errors
    /// No complete reply.
    pub(super) async fn exchange(
        &self,
        call: Call,
        request: Request,
        pass: &Pass,
    ) -> Result<Reply, Fault> {
        let reply = self.ask(call, request).await?;
        self.rotate(&reply.headers, pass);
        Ok(reply)
    }

    async fn ask(&self, call: Call, request: Request) -> Result<Reply, Fault> {
        let exchanged = self.ports.transport.exchange(request).await;
        let reply = exchanged.map_err(|failed| self.unanswered(call, &failed))?;
        if let Some(theirs) = server_time(&reply) {
            *self.server_clock() = Some((theirs, self.ports.clock.monotonic()));
        }
        Ok(reply)
    }

    /// Tells how a call ended, for the counters. Calls without a reply are told already.
    pub(super) fn tell_answered(&self, call: Call, fault: Option<&Fault>) {
        self.ports.tell(&Event::Answered {
            account: self.spec.name.clone(),
            call,
            code: fault.map_or_else(|| "ok".to_owned(), |fault| fault.code.clone()),
        });
    }

    fn unanswered(&self, call: Call, failed: &TransportFault) -> Fault {
        let fault = transport_fault(call, failed);
        self.tell_answered(call, Some(&fault));
        fault
    }

    /// One exchange whose reply comes in pieces.
    ///
    /// # Errors
    /// No reply.
    pub(super) async fn open(&self, call: &DeskCall, pass: &Pass) -> Result<StreamedReply, Fault> {
        let (bearer, session) = pass.tokens();
        let request = call.request(&self.spec, bearer, session);
        let opened = self.ports.transport.open(request).await;
        let reply = opened.map_err(|failed| self.unanswered(call.call, &failed))?;
        self.rotate(&reply.headers, pass);
        Ok(reply)
    }

    fn rotate(&self, headers: &[(String, String)], pass: &Pass) {
        if let Some(token) = access::rotated(headers) {
            let used = pass.session.generation;
            self.session.rotated(token, used, &self.ports);
        }
    }

    /// Opens a chat session, if none is known of.
    ///
    /// # Errors
    /// The desk opens none.
    pub(super) async fn join(&self) -> Result<(), Fault> {
        if self.is_connected() {
            return Ok(());
        }
        let _turn = self.session_change.write().await;
        // Somebody else may have opened one meanwhile.
        if self.is_connected() {
            return Ok(());
        }
        let call = DeskCall::connect(&self.spec, self.now());
        let found = self.call(&call, read_connect).await?;
        self.chats.fetch_add(1, Ordering::Relaxed);
        self.chat().connected(found);
        Ok(())
    }

    /// Sees to it that a file can be sent: there is a session, with an agent.
    ///
    /// # Errors
    /// The desk opens no session, or one that is gone at once; an agent is still waited for, or there is
    /// none on this channel.
    pub(super) async fn ready_to_send(&self) -> Result<(), Fault> {
        let mut connected = false;
        let mut transferred = false;
        loop {
            let step = self.chat().before_sending();
            match step {
                ChatStep::Go => return Ok(()),
                ChatStep::Connect => {
                    connected = true;
                    self.join().await?;
                }
                ChatStep::Transfer if transferred => {
                    return Err(robot_only(
                        "the robot stayed after it was asked for an agent",
                    ));
                }
                ChatStep::Transfer => {
                    transferred = true;
                    let call = DeskCall::transfer(&self.spec, self.now());
                    self.call(&call, read_transfer).await?;
                    self.chat().connected(Chat::Joined);
                }
                ChatStep::AskQueue => match self.ask_queue().await {
                    Ok(Queue::Waiting { position, estimate }) => {
                        return Err(queueing(position, estimate));
                    }
                    Err(fault) if connected || self.is_connected() => return Err(fault),
                    // After a fault: the session that was known of is gone.
                    Ok(Queue::Robot | Queue::Over) | Err(_) => {}
                },
            }
        }
    }

    /// # Errors
    /// The queue cannot be asked, or there is no session: that is then known.
    async fn ask_queue(&self) -> Result<Queue, Fault> {
        let call = DeskCall::queue_info(&self.spec);
        let queue = self.call(&call, read_queue_info).await?;
        self.chat().asked(queue);
        Ok(queue)
    }

    /// Asks whether the chat session is still there: a server may answer polls without one as if nothing
    /// had been said (desk notes 3.2). What else is wrong, the next poll meets too.
    pub(super) async fn look_after_chat(&self) {
        if self.is_connected() {
            let _ = self.ask_queue().await;
        }
    }

    /// The other side ended the chat.
    pub(super) fn hung_up(&self) {
        self.chat().ended();
    }

    /// How many chat sessions have been opened.
    pub(super) fn chats(&self) -> u64 {
        self.chats.load(Ordering::Relaxed)
    }

    /// Whether a chat session is known of.
    pub(super) fn is_connected(&self) -> bool {
        self.chat().before_polling() == ChatStep::Go
    }

    /// Ends the chat, so that no agent waits for us; as far as that is possible in a moment.
    pub(super) async fn farewell(&self) {
        if !self.is_connected() {
            return;
        }
        self.hung_up();
        let call = DeskCall::disconnect(&self.spec, self.now());
        tokio::select! {
            _ = self.call(&call, read_disconnect) => {}
            () = self.ports.clock.sleep(FAREWELL_MAX) => {}
        }
    }

    /// Everything is tried afresh: a person says so, or the desk answers nothing that makes sense.
    pub(super) fn resumed(&self) {
        self.bearer.resumed();
        self.session.resumed();
        self.hung_up();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.clear();
    }

    /// When the session's token runs out, on the wall clock.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.session.expires_at(&self.ports)
    }
}

/// That an agent is waited for, as a fault of the file's message (desk notes 6.4).
fn queueing(position: Option<u64>, estimate: Option<Duration>) -> Fault {
    let mut words = "an agent is waited for".to_owned();
    if let Some(position) = position {
        let _infallible = write!(words, ", position {position}");
    }
    if let Some(estimate) = estimate {
        let _infallible = write!(words, ", about {} s", estimate.as_secs());
    }
    Fault::new(Call::Send, Layer::Result, "160013", &words)
}
