//! How each of the faults is made.
#![expect(
    clippy::unnecessary_wraps,
    reason = "one form for all: some cannot be made on every machine"
)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use syncd::emulator::EmulatorOptions;

use crate::contact::{contact_centre, inbox, on_receive};
use crate::desk::{Desk, small_site};
use crate::doctor::{as_an_ordinary_user, doctor, edit};
use crate::program::Answer;
use crate::watch::{in_a_namespace, in_a_namespace_after};

pub(super) fn misspelt() -> Option<Answer> {
    let desk = Desk::new();
    edit(&desk, "settle", "setle");
    Some(doctor(&desk))
}

pub(super) fn open_secret() -> Option<Answer> {
    let token = "token = { value = { file = \"SECRET\" } }";
    let desk = Desk::with(EmulatorOptions::default(), token, "");
    let secret = desk.path().join("secret");
    fs::write(&secret, "canary").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    edit(&desk, "SECRET", secret.to_str().unwrap());
    Some(doctor(&desk))
}

pub(super) fn closed_state() -> Option<Answer> {
    let desk = Desk::new();
    fs::create_dir(&desk.state).unwrap();
    let mut command = as_an_ordinary_user(&desk);
    fs::set_permissions(&desk.state, fs::Permissions::from_mode(0o500)).unwrap();
    Some(Answer::of(command.output().unwrap()))
}

pub(super) fn open_state() -> Option<Answer> {
    let desk = Desk::new();
    fs::create_dir(&desk.state).unwrap();
    fs::set_permissions(&desk.state, fs::Permissions::from_mode(0o755)).unwrap();
    Some(doctor(&desk))
}

pub(super) fn full_state() -> Option<Answer> {
    let desk = Desk::new();
    fs::create_dir(&desk.state).unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=8m tmpfs \"{}\"",
        desk.state.display()
    );
    let mut command = in_a_namespace_after(&desk, &plain(&desk), &mount)?;
    Some(Answer::of(command.output().unwrap()))
}

fn plain(desk: &Desk) -> Command {
    desk.command(&["doctor", "--json"])
}

fn with_a_database(change: impl FnOnce(&Path)) -> Desk {
    let desk = Desk::new();
    small_site(&desk, 20);
    desk.syncd(&["once"]).expect(0);
    change(&desk.state.join("syncd.db"));
    desk
}

pub(super) fn damaged_database() -> Option<Answer> {
    let desk = with_a_database(|path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8192].fill(0x5a);
        fs::write(path, bytes).unwrap();
    });
    Some(doctor(&desk))
}

pub(super) fn foreign_database() -> Option<Answer> {
    let desk = with_a_database(|path| {
        fs::write(path, "not a database, but long enough to be one").unwrap();
    });
    Some(doctor(&desk))
}

pub(super) fn later_database() -> Option<Answer> {
    let desk = with_a_database(|path| {
        // `user_version`, which the header has at this place.
        let mut bytes = fs::read(path).unwrap();
        bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
        fs::write(path, bytes).unwrap();
    });
    Some(doctor(&desk))
}

pub(super) fn shared_database() -> Option<Answer> {
    let desk = with_a_database(|_| {});
    let open = fs::File::open(desk.state.join("syncd.db")).unwrap();
    let mut other = Command::new("sleep");
    let mut other = other.arg("1000").stdin(Stdio::from(open)).spawn().unwrap();
    let answer = doctor(&desk);
    other.kill().unwrap();
    other.wait().unwrap();
    Some(answer)
}

pub(super) fn no_folder() -> Option<Answer> {
    let desk = Desk::new();
    fs::remove_dir(&desk.folder).unwrap();
    Some(doctor(&desk))
}

pub(super) fn closed_parts() -> Option<Answer> {
    let desk = Desk::new();
    small_site(&desk, 2);
    desk.write("private/page.html", "x");
    desk.write("left-out/page.html", "x");
    desk.write(".syncdignore", "left-out/\n");
    let mut command = as_an_ordinary_user(&desk);
    let change = |path: &str, mode: u32| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(desk.folder.join(path), mode).unwrap();
    };
    for path in ["private", "left-out", "index.html"] {
        change(path, 0o000);
    }
    let answer = Answer::of(command.output().unwrap());
    for path in ["private", "left-out"] {
        change(path, 0o700);
    }
    Some(answer)
}

pub(super) fn few_watches() -> Option<Answer> {
    let desk = Desk::new();
    for index in 0..30 {
        desk.write(&format!("d{index}/page.html"), "x");
    }
    let mut command = in_a_namespace(&desk, &plain(&desk), 20)?;
    Some(Answer::of(command.output().unwrap()))
}

pub(super) fn no_instance() -> Option<Answer> {
    let desk = Desk::new();
    let lower = "echo 0 > /proc/sys/user/max_inotify_instances";
    let mut command = in_a_namespace_after(&desk, &plain(&desk), lower)?;
    Some(Answer::of(command.output().unwrap()))
}

pub(super) fn wrong_clock() -> Option<Answer> {
    let desk = Desk::new();
    desk.cloud.skew_clock(-3_600_000);
    Some(doctor(&desk))
}

/// The account's server is elsewhere; its token comes from where it came from.
fn elsewhere(address: &str) -> Desk {
    let desk = Desk::new();
    let here = format!("base_url = \"{}\"", desk.cloud.base_url());
    edit(&desk, &here, &format!("base_url = \"{address}\""));
    desk
}

pub(super) fn no_address() -> Option<Answer> {
    Some(doctor(&elsewhere("https://no-such-host.invalid")))
}

pub(super) fn nobody_listens() -> Option<Answer> {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    Some(doctor(&elsewhere(&address)))
}

pub(super) fn no_tls() -> Option<Answer> {
    let desk = Desk::new();
    let plain = format!("base_url = \"{}\"", desk.cloud.base_url());
    edit(&desk, &plain, &plain.replace("http://", "https://"));
    Some(doctor(&desk))
}

pub(super) fn no_roots() -> Option<Answer> {
    let desk = Desk::new();
    let address = format!("base_url = \"{}\"", desk.cloud.base_url());
    edit(&desk, &address, &address.replace("http://", "https://"));
    let mut command = plain(&desk);
    command.env("SSL_CERT_FILE", desk.path().join("no-such-file"));
    command.env_remove("SSL_CERT_DIR");
    Some(Answer::of(command.output().unwrap()))
}

fn with_a_ca_file() -> Desk {
    let desk = Desk::new();
    let file = desk.path().join("own.pem");
    let table = format!(
        "[network]\nca_file = \"{}\"\n[accounts.shop]",
        file.display()
    );
    edit(&desk, "[accounts.shop]", &table);
    let plain = format!("base_url = \"{}\"", desk.cloud.base_url());
    edit(&desk, &plain, &plain.replace("http://", "https://"));
    desk
}

pub(super) fn no_ca_file() -> Option<Answer> {
    Some(doctor(&with_a_ca_file()))
}

pub(super) fn foreign_ca_file() -> Option<Answer> {
    let desk = with_a_ca_file();
    fs::write(desk.path().join("own.pem"), "no PEM at all\n").unwrap();
    Some(doctor(&desk))
}

fn app(secret: &str) -> Desk {
    let mut options = EmulatorOptions::default();
    options.tokens.accept_app_token = false;
    let appid = options.tokens.credentials.appid.clone();
    let token = format!("token = {{ app = {{ appid = \"{appid}\", secret = \"{secret}\" }} }}");
    Desk::with(options, &token, "")
}

pub(super) fn wrong_secret() -> Option<Answer> {
    Some(doctor(&app("not-the-right-one")))
}

pub(super) fn wrong_kind() -> Option<Answer> {
    let known = EmulatorOptions::default().tokens.credentials;
    Some(doctor(&app(&known.secret)))
}

pub(super) fn no_environment() -> Option<Answer> {
    let desk = Desk::new();
    edit(&desk, "demo-1a2b3c", "other-9z8y7x");
    Some(doctor(&desk))
}

pub(super) fn no_cloud() -> Option<Answer> {
    describe("errcode = 85088")
}

pub(super) fn no_hosting() -> Option<Answer> {
    describe("body = '{\"errcode\":0,\"errmsg\":\"ok\",\"data\":[]}'")
}

/// The cloud describes the website of the environment in this way.
fn describe(answer: &str) -> Option<Answer> {
    let desk = Desk::new();
    let script = format!("[[fault]]\ncall = \"describe\"\ntimes = \"always\"\n{answer}\n");
    desk.cloud.inject_script(&script).unwrap();
    Some(doctor(&desk))
}

pub(super) fn offline() -> Option<Answer> {
    let desk = Desk::new();
    desk.cloud.set_status("demo-1a2b3c", "offline");
    Some(doctor(&desk))
}

pub(super) fn wrong_desk_secret() -> Option<Answer> {
    let desk = contact_centre();
    edit(&desk, "emulated-desk-secret", "not-the-right-one");
    Some(doctor(&desk))
}

pub(super) fn no_session() -> Option<Answer> {
    let desk = contact_centre();
    let known = desk.cloud.desk().credentials().channel_id.clone();
    edit(&desk, &known, "202500000000000009");
    Some(doctor(&desk))
}

pub(super) fn no_inbox() -> Option<Answer> {
    let desk = contact_centre();
    fs::remove_dir(inbox(&desk)).unwrap();
    let answer = doctor(&desk);
    // What would be asked of it is not blamed besides.
    assert!(!answer.stdout.contains("inbox space"), "{}", answer.stdout);
    Some(answer)
}

pub(super) fn closed_inbox() -> Option<Answer> {
    let desk = contact_centre();
    let mut command = as_an_ordinary_user(&desk);
    fs::set_permissions(inbox(&desk), fs::Permissions::from_mode(0o500)).unwrap();
    Some(Answer::of(command.output().unwrap()))
}

pub(super) fn foreign_inbox() -> Option<Answer> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let desk = contact_centre();
    let mut command = as_an_ordinary_user(&desk);
    let private = inbox(&desk).join(".syncd-tmp");
    fs::create_dir(&private).unwrap();
    chown(&private, Some(1), Some(1)).unwrap();
    Some(Answer::of(command.output().unwrap()))
}

pub(super) fn full_inbox() -> Option<Answer> {
    let desk = contact_centre();
    let mount = format!(
        "mount -t tmpfs -o size=8m tmpfs \"{}\"",
        inbox(&desk).display()
    );
    let mut command = in_a_namespace_after(&desk, &plain(&desk), &mount)?;
    Some(Answer::of(command.output().unwrap()))
}

pub(super) fn no_program() -> Option<Answer> {
    let desk = contact_centre();
    on_receive(&desk, &desk.path().join("program"));
    Some(doctor(&desk))
}

pub(super) fn closed_program() -> Option<Answer> {
    let desk = contact_centre();
    let program = desk.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    on_receive(&desk, &program);
    Some(doctor(&desk))
}
