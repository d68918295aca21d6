//! The part of the tour at the contact centre: two files from its agent, and one back.

use std::path::Path;

use crate::emulator::AgentFile;

use super::{DemoError, OUTBOX, Tour, site};

/// What the agent writes, …
const QUESTION: &[u8] = include_bytes!("../desk/question.txt");
/// … and what the user answers.
const ANSWER: site::File = ("answer.txt", include_bytes!("../desk/answer.txt"));

impl Tour<'_> {
    pub(super) fn exchange_files(&mut self) -> Result<(), DemoError> {
        self.story
            .chapter("A contact centre: two files from its agent, and one back")?;
        self.receive()?;
        self.answer()
    }

    fn receive(&mut self) -> Result<(), DemoError> {
        self.story
            .say("The agent sends a text and a picture. They come into the inbox:\n")?;
        let desk = self.cloud.desk();
        let user = &desk.credentials().user_id;
        for (file_type, bytes) in agent_files() {
            desk.put_file(user, AgentFile::local(file_type, bytes))
                .map_err(DemoError::Agent)?;
        }
        let place = self.place;
        let both_came = |_: &_| place.received().is_ok_and(|files| files.len() >= 4);
        self.wait("the arrival of the agent's files", both_came)?;
        self.settled()?;
        self.command(&["inbox", "list"], &[0])?;
        self.story.gap()?;
        self.story
            .say("Beside each of them is a file that says where it came from:\n")?;
        let picture = self.received_as_sent()?;
        let sidecar = format!("{picture}.json");
        let text = self.place.received()?.remove(&sidecar).unwrap_or_default();
        self.story.typed(&format!("cat inbox/{sidecar}"))?;
        self.story.printed(&String::from_utf8_lossy(&text))?;
        self.story.gap()
    }

    fn answer(&mut self) -> Result<(), DemoError> {
        let (name, bytes) = ANSWER;
        self.story
            .say("A file that is put into the outbox is sent to the agent:\n")?;
        self.story.typed(&format!("cp {name} outbox/"))?;
        self.place.put_in_outbox(name, bytes)?;
        self.wait("the arrival of the answer", |cloud| {
            let sent = cloud.desk().sent();
            sent.iter().any(|message| message.object_key.is_some())
        })?;
        self.settled()?;
        let message = self.agent_has_the_answer()?;
        let why = format!("{OUTBOX}:{name}");
        self.command(&["why", &why], &[0])?.mentions(&message)?;
        self.story.gap()?;
        self.story.say(
            "The agent has the answer, the same byte for byte, with the message that the receipt names.",
        )
    }

    /// Compares the inbox with what the agent sent, byte by byte; the picture's path below it.
    pub(super) fn received_as_sent(&self) -> Result<String, DemoError> {
        let differs = |what: String| Err(DemoError::Exchange(what));
        let files = self.place.received()?;
        if files.len() != 4 {
            let names: Vec<&str> = files.keys().map(String::as_str).collect();
            return differs(format!("the inbox has {}", names.join(", ")));
        }
        let mut path = String::new();
        for (file_type, bytes) in agent_files() {
            let is_it = |name: &str| {
                Path::new(name)
                    .extension()
                    .is_some_and(|it| it == file_type)
            };
            match files.iter().find(|(name, _)| is_it(name)) {
                Some((name, received)) if received == bytes => path.clone_from(name),
                Some((name, _)) => return differs(format!("'{name}' has other bytes")),
                None => return differs(format!("the agent's {file_type} is missing")),
            }
        }
        Ok(path)
    }

    /// Compares what the agent has with the answer, byte by byte; the message that brought it.
    pub(super) fn agent_has_the_answer(&self) -> Result<String, DemoError> {
        let desk = self.cloud.desk();
        let (sent, uploads) = (desk.sent(), desk.uploads());
        let with_file: Vec<_> = sent
            .iter()
            .filter(|message| message.object_key.is_some())
            .collect();
        let ([message], [upload]) = (with_file.as_slice(), uploads.as_slice()) else {
            return Err(DemoError::Exchange(format!(
                "the agent has {} messages and {} files instead of one",
                with_file.len(),
                uploads.len()
            )));
        };
        let bytes = upload.object.bytes().ok().flatten();
        let is_named = message.object_key.as_ref() == Some(&upload.object_key);
        if !is_named || bytes.is_none_or(|bytes| bytes != ANSWER.1) {
            let what = "the agent has another file than the answer".to_owned();
            return Err(DemoError::Exchange(what));
        }
        Ok(message.message_id.clone().unwrap_or_default())
    }
}

/// What the agent sends, the picture last.
fn agent_files() -> [(&'static str, &'static [u8]); 2] {
    [("txt", QUESTION), ("png", site::CHART.1)]
}
