use super::*;
use std::path::PathBuf;

async fn run_program(argv: &[&str]) -> Result<String, Fault> {
    let argv: Vec<String> = argv.iter().copied().map(str::to_owned).collect();
    let printed = OsTokens::default().command(&argv).await?;
    Ok(String::from_utf8(printed).unwrap().trim().to_owned())
}

async fn shell(script: &str) -> Result<String, Fault> {
    run_program(&["sh", "-c", script]).await
}

#[tokio::test]
async fn a_program_runs_as_written_with_nothing_of_our_environment() {
    assert_eq!(shell("echo tok").await.unwrap(), "tok");
    assert_eq!(
        shell("echo \"${HOME-none}${CARGO_MANIFEST_DIR-none}\"")
            .await
            .unwrap(),
        "nonenone"
    );
    assert_eq!(run_program(&["echo", "$HOME;x"]).await.unwrap(), "$HOME;x");
}

#[tokio::test]
async fn a_program_that_fails_is_told_with_its_last_words() {
    let fault = shell("echo first >&2; echo last words >&2; exit 3")
        .await
        .unwrap_err();
    assert_eq!(
        (fault.call, fault.code.as_str()),
        (Call::Token, "token-command")
    );
    assert!(
        fault.message.contains("exit status: 3: last words"),
        "{}",
        fault.message
    );
    assert!(!fault.message.contains("first"));
    let missing = run_program(&["/nonexistent/program"]).await.unwrap_err();
    assert_eq!(missing.code, "token-command");
    assert_eq!(run_program(&[]).await.unwrap_err().code, "token-command");
}

#[tokio::test]
async fn a_program_may_not_print_or_run_without_end() {
    let fault = shell("head -c 1000000 /dev/zero | tr '\\0' a")
        .await
        .unwrap_err();
    assert!(fault.message.contains("too much"), "{}", fault.message);
    let argv = ["sleep", "1000"].map(str::to_owned).to_vec();
    let tokens = OsTokens::with_command_deadline(Duration::from_millis(50));
    let fault = tokens.command(&argv).await.unwrap_err();
    assert!(fault.message.contains("did not end"), "{}", fault.message);
}

#[tokio::test]
async fn a_token_file_is_read_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("token");
    let tokens = OsTokens::default();
    assert_eq!(tokens.file(&path).await.unwrap_err().code, "token-file");
    for token in ["one\n", "two"] {
        std::fs::write(&path, token).unwrap();
        assert_eq!(tokens.file(&path).await.unwrap(), token.as_bytes());
    }
    std::fs::write(&path, "a".repeat(TOKEN_BYTES_MAX + 1)).unwrap();
    assert_eq!(tokens.file(&path).await.unwrap_err().code, "token-file");
}
