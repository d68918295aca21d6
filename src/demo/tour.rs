//! The tour itself, step by step.

mod desk;

use std::time::{Duration, Instant};

use crate::emulator::{
    Call, DeskOptions, DeskPollOptions, Effect, Emulator, EmulatorOptions, Fault, Running, Times,
};

use super::daemon::Daemon;
use super::interrupt::Interrupt;
use super::place::{ENVIRONMENT, FOLDER, OUTBOX, Place};
use super::program::{Program, Said};
use super::story::Story;
use super::{DemoError, site};

/// How long one thing may take to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an interruption may go unnoticed.
const GLANCE: Duration = Duration::from_millis(200);
/// The page whose upload meets the faults.
const STORMY: &str = "guide/skerry.html";
/// How long the desk holds a poll. A daemon that is stopped waits for the answer.
const POLL_HELD: Duration = Duration::from_millis(1500);

/// The tour under way.
pub(super) struct Tour<'a> {
    place: &'a Place,
    interrupt: &'a Interrupt,
    story: Story,
    program: Program,
    // Before the cloud, so that it is dropped first.
    daemon: Option<Daemon>,
    cloud: Running,
}

impl<'a> Tour<'a> {
    /// Starts the cloud.
    pub(super) fn start(
        place: &'a Place,
        interrupt: &'a Interrupt,
        story: Story,
    ) -> Result<Self, DemoError> {
        let cloud = Emulator::start(EmulatorOptions {
            environments: vec![ENVIRONMENT.to_owned()],
            desk: DeskOptions {
                poll: DeskPollOptions {
                    hold: POLL_HELD,
                    ..DeskPollOptions::default()
                },
                ..DeskOptions::default()
            },
            ..EmulatorOptions::default()
        })?;
        let program = Program::of(place)?;
        Ok(Self {
            place,
            interrupt,
            story,
            program,
            daemon: None,
            cloud,
        })
    }

    /// All of it.
    pub(super) fn walk(&mut self) -> Result<(), DemoError> {
        self.story.say(
            "syncd keeps a folder deployed, and exchanges files with a contact centre. What follows is\n\
             the real program; only the clouds are played, by this process on 127.0.0.1. All of it\n\
             happens in a temporary folder that goes away again.",
        )?;
        self.configure()?;
        self.deploy()?;
        self.edit()?;
        self.meet_faults()?;
        self.exchange_files()?;
        self.crash()?;
        self.compare()
    }

    fn configure(&mut self) -> Result<(), DemoError> {
        self.story
            .chapter("A site, a desk, and a configuration that says what goes where")?;
        let config = self.place.configure(&self.cloud)?;
        self.story.typed("cat $SYNCD_CONFIG")?;
        self.story.printed(&config)?;
        self.story.gap()?;
        self.command(&["config", "check"], &[0])?;
        self.story.gap()?;
        self.story
            .say("What would be sent, in which order? Nothing has been sent so far.\n")?;
        self.command(&["plan"], &[3])?.mentions("index.html")?;
        Ok(())
    }

    fn deploy(&mut self) -> Result<(), DemoError> {
        self.story.chapter("The daemon deploys it")?;
        let begun = Instant::now();
        self.start_daemon()?;
        self.command_once_running(&["status", "--wait=20s"])?
            .mentions(FOLDER)?;
        let took = begun.elapsed();
        let files = self.cloud.objects(ENVIRONMENT).len();
        self.story.gap()?;
        self.story.say(&format!(
            "{files} files in {:.1} s, the start of the program included. Visitors find the site at\n{}",
            took.as_secs_f64(),
            self.address()
        ))?;
        self.same_as_folder().map(drop)
    }

    fn edit(&mut self) -> Result<(), DemoError> {
        self.story
            .chapter("An edit: a new page, its picture, and a link to it from the first page")?;
        self.story.say(
            "They are saved in the worst order: the link first, then the page, then the picture.\n\
             Visitors never see a link without its page or a page without its picture:\n",
        )?;
        let before = self.cloud.completed().len();
        self.place
            .edit("index.html", site::LINK_BEFORE, site::LINK)?;
        self.save(site::ADDED_PAGE)?;
        self.save(site::ADDED_PICTURE)?;
        let arrived = |cloud: &Running| cloud.completed().len() >= before + 3;
        self.wait("the arrival of the new page", arrived)?;
        let order: Vec<String> = self
            .cloud
            .completed()
            .into_iter()
            .skip(before)
            .map(|put| put.key)
            .collect();
        let wanted = [site::ADDED_PICTURE.0, site::ADDED_PAGE.0, "index.html"];
        if order != wanted {
            return Err(DemoError::Differs(format!(
                "arrived as {}",
                order.join(", ")
            )));
        }
        let lines: Vec<String> = order.iter().map(|key| format!("arrived  {key}")).collect();
        self.story.printed(&lines.join("\n"))?;
        self.story.gap()?;
        self.settled()?;
        self.command(&["history"], &[0])?;
        Ok(())
    }

    fn meet_faults(&mut self) -> Result<(), DemoError> {
        self.story.chapter("The cloud has a bad minute")?;
        self.story.say(
            "A page is saved while the cloud ends the token, answers \"system busy\" twice, and then drops\n\
             the connection in the middle of the file.\n",
        )?;
        let page = STORMY;
        let on = |call, effect, times| {
            let mut fault = Fault::on(call, effect).times(Times::Exactly(times));
            fault.key = Some(page.to_owned());
            fault
        };
        let expired = Effect {
            expire_token: true,
            ..Effect::default()
        };
        let busy = Effect {
            errcode: Some(-1),
            errmsg: Some("system error".to_owned()),
            ..Effect::default()
        };
        let dropped = Effect {
            cut_request_at: Some(700),
            ..Effect::default()
        };
        self.cloud.inject(on(Call::Link, expired, 1));
        self.cloud.inject(on(Call::Link, busy, 2));
        self.cloud.inject(on(Call::Put, dropped, 1));
        self.place.edit(
            page,
            "never; look at it from the ferry",
            "on the first Sunday of May",
        )?;
        let tokens = self.cloud.count(Call::Token);
        self.wait_for(page)?;
        self.settled()?;
        let why = format!("{FOLDER}:{page}");
        self.command(&["why", &why], &[0])?.mentions("-1")?;
        let acted = self.cloud.faults_acted();
        if acted != 4 {
            return Err(DemoError::Differs(format!("{acted} of 4 faults were met")));
        }
        self.cloud.clear_faults();
        let tokens = self.cloud.count(Call::Token) - tokens;
        if tokens != 1 {
            return Err(DemoError::Differs(format!(
                "{tokens} new tokens were asked for"
            )));
        }
        self.story.gap()?;
        self.story.say(
            "The token was renewed once, within the first attempt. What does a code mean?\n",
        )?;
        self.command(&["explain", "-1"], &[0])?;
        Ok(())
    }

    fn crash(&mut self) -> Result<(), DemoError> {
        self.story
            .chapter("The daemon is killed in the middle of a change")?;
        // Slow enough that the kill falls into an upload.
        let slow = Effect {
            delay: Some(Duration::from_millis(500)),
            ..Effect::default()
        };
        self.cloud
            .inject(Fault::on(Call::Put, slow).times(Times::Always));
        let before = self.cloud.count(Call::Put);
        // A page whose upload failed a moment ago is confirmed a minute later, which nobody waits for here.
        for page in site::PAGES.iter().filter(|page| page != &&STORMY) {
            self.place
                .edit(page, "is a made-up site", "is an invented site")?;
        }
        self.wait("an upload", |cloud| cloud.count(Call::Put) > before)?;
        let Some(daemon) = self.daemon.take() else {
            return Ok(());
        };
        self.story
            .say("All pages are saved; while they are being sent:\n")?;
        self.story.typed(&format!("kill -9 {}", daemon.pid()))?;
        daemon.kill()?;
        self.story.gap()?;
        self.cloud.clear_faults();
        self.command(&["status"], &[0, 3])?;
        self.story.gap()?;
        self.story
            .say("What was under way may or may not have arrived, so it is sent again.\n")?;
        self.start_daemon()?;
        self.command_once_running(&["status", "--wait=20s"])?;
        Ok(())
    }

    fn compare(&mut self) -> Result<(), DemoError> {
        self.story
            .chapter("What the cloud has, compared with the folder")?;
        let files = self.same_as_folder()?;
        self.received_as_sent()?;
        self.agent_has_the_answer()?;
        if let Some(violation) = self.cloud.violations().into_iter().next() {
            return Err(DemoError::Violation(violation));
        }
        let uploads = self.cloud.completed().len();
        self.story.say(&format!(
            "{files} files, every one the same byte for byte, after {uploads} uploads. The files of the\n\
             desk came once each, on both sides. The emulated cloud checks every call against what\n\
             the real one accepts: it had nothing to object to.",
        ))
    }

    /// Lets the person look at the site until Ctrl-C.
    pub(super) fn serve(&mut self) -> Result<(), DemoError> {
        let (address, site) = (self.address(), self.place.site());
        self.story.gap()?;
        self.story.say(&format!(
            "The site stays at {address} and the daemon goes on running.\n\
             Edit the files in {} and reload the page. Ctrl-C ends it all.",
            site.display()
        ))?;
        self.interrupt.wait()?;
        self.story.gap()
    }

    /// Stops the daemon as systemd would.
    pub(super) fn end(mut self) -> Result<Story, DemoError> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        Ok(self.story)
    }
}

/// The turns that the steps share.
impl Tour<'_> {
    fn address(&self) -> String {
        self.cloud.site_url(ENVIRONMENT).unwrap_or_default()
    }

    fn save(&self, (path, bytes): site::File) -> Result<(), DemoError> {
        self.place.write(path, bytes)
    }

    fn start_daemon(&mut self) -> Result<(), DemoError> {
        self.story.typed("syncd run &")?;
        self.daemon = Some(Daemon::start(&self.program, self.place)?);
        Ok(())
    }

    /// Has all that was changed written down as done, without a word.
    fn settled(&self) -> Result<(), DemoError> {
        self.interrupt.check()?;
        self.program
            .run(&["status", "--wait=20s"])?
            .expect(&[0])
            .map(drop)
    }

    /// Runs a command and shows what it says.
    fn command(&mut self, arguments: &[&str], codes: &[i32]) -> Result<Said, DemoError> {
        self.interrupt.check()?;
        let said = self.program.run(arguments)?.expect(codes)?;
        self.story.typed(&said.command)?;
        self.story.printed(&said.text)?;
        Ok(said)
    }

    /// The same once the daemon that was just started can be asked.
    fn command_once_running(&mut self, arguments: &[&str]) -> Result<Said, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.interrupt.check()?;
            if let Some(daemon) = &mut self.daemon {
                daemon.check()?;
            }
            let said = self.program.run(arguments)?;
            if said.code != Some(8) || Instant::now() > deadline {
                let said = said.expect(&[0])?;
                self.story.typed(&said.command)?;
                self.story.printed(&said.text)?;
                return Ok(said);
            }
        }
    }

    /// Waits until the cloud has a page as the folder has it.
    fn wait_for(&mut self, key: &str) -> Result<(), DemoError> {
        let wanted = self.place.published()?.remove(key).unwrap_or_default();
        self.wait("the arrival of the page", |cloud| {
            let object = cloud.object(ENVIRONMENT, key);
            let bytes = object.and_then(|object| object.bytes().ok().flatten());
            bytes.is_some_and(|bytes| bytes == wanted)
        })
    }

    fn wait(
        &mut self,
        what: &'static str,
        holds: impl Fn(&Running) -> bool,
    ) -> Result<(), DemoError> {
        let deadline = Instant::now() + PATIENCE;
        while !self.cloud.wait_until(GLANCE, &holds) {
            self.interrupt.check()?;
            if let Some(daemon) = &mut self.daemon {
                daemon.check()?;
            }
            if Instant::now() > deadline {
                return Err(DemoError::Late {
                    what,
                    seconds: PATIENCE.as_secs(),
                });
            }
        }
        Ok(())
    }

    /// Compares every object with the folder, byte by byte; how many there are.
    fn same_as_folder(&self) -> Result<usize, DemoError> {
        let files = self.place.published()?;
        let objects = self.cloud.objects(ENVIRONMENT);
        for (key, bytes) in &files {
            let object = objects.get(key);
            let deployed = object.and_then(|object| object.bytes().ok().flatten());
            match deployed {
                None => return Err(DemoError::Differs(format!("'{key}' is missing"))),
                Some(deployed) if deployed != *bytes => {
                    return Err(DemoError::Differs(format!("'{key}' has other bytes")));
                }
                Some(_) => {}
            }
        }
        match objects.keys().find(|key| !files.contains_key(*key)) {
            Some(key) => Err(DemoError::Differs(format!("'{key}' should not be there"))),
            None => Ok(files.len()),
        }
    }
}
