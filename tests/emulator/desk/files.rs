//! Files both ways: how they are named, how large they may be, how they are written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use syncd::emulator::{
    AgentFile, Base64Form, DeskDialect, DeskFileOptions, DeskOptions, FileIds, FileTypes,
    MediaContent, MessageCode, Nulls,
};

use crate::desk_client::{Customer, USER, file, media};

const MIB: usize = 1024 * 1024;

fn with_files(files: DeskFileOptions) -> DeskOptions {
    DeskOptions {
        files,
        ..DeskOptions::default()
    }
}

fn with_dialect(dialect: DeskDialect) -> DeskOptions {
    DeskOptions {
        dialect,
        ..DeskOptions::default()
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

/// Puts a file; gives the `content` of its message.
fn put(customer: &Customer, file: AgentFile) -> String {
    let put = customer.desk().put_file(USER, file).unwrap();
    put.message["content"].as_str().unwrap().to_owned()
}

fn decoded(body: &Value) -> Vec<u8> {
    STANDARD
        .decode(body["fileStream"].as_str().unwrap())
        .unwrap()
}

#[tokio::test]
async fn a_local_and_a_library_file_are_asked_for_in_their_own_ways() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let local = put(&customer, AgentFile::local("pdf", "local"));
    let library = put(&customer, AgentFile::library("png", "library"));
    let messages = customer.messages().await;
    assert_eq!(messages[0]["contentType"], "1");
    assert_eq!(messages[0]["mediaType"], "DOCUMENT");
    assert_eq!(messages[0]["mediaFileType"], "pdf");
    assert!(messages[1]["contentType"].is_null());
    assert!(library.bytes().all(|byte| byte.is_ascii_digit()));

    let prefixed = format!("local/{local}");
    let good = customer.download(&prefixed, "pdf", false).await;
    assert_eq!(
        (good.code().as_str(), decoded(&good.body)),
        ("0", b"local".to_vec())
    );
    let good = customer.download(&library, "png", true).await;
    assert_eq!(
        (good.code().as_str(), decoded(&good.body)),
        ("0", b"library".to_vec())
    );
    assert_eq!(customer.violations(), Vec::<String>::new());

    for (id, is_library) in [
        (local.as_str(), false),
        (&local, true),
        (&format!("local/{library}"), false),
        (&library, false),
        (&format!("local/{prefixed}"), false),
    ] {
        let refused = customer.download(id, "pdf", is_library).await;
        assert_eq!(refused.code(), "401", "{id} {is_library}");
        assert_eq!(refused.body["resultDesc"], "objectKey is null!");
    }
    customer.desk().forget_file(&local);
    assert_eq!(
        customer.download(&prefixed, "pdf", false).await.code(),
        "401"
    );
    assert_eq!(customer.violations(), Vec::<String>::new());
    customer.download(&library, "jpg", true).await;
    assert_eq!(customer.violations().len(), 1);
}

#[tokio::test]
async fn an_old_server_has_no_content_type() {
    let customer = Customer::connected(with_files(DeskFileOptions {
        ids: FileIds::OneForm,
        ..DeskFileOptions::default()
    }))
    .await;
    let local = put(&customer, AgentFile::local("png", "local"));
    let library = put(&customer, AgentFile::library("png", "library"));
    for message in customer.messages().await {
        assert_eq!(message.get("contentType"), None);
    }
    assert_eq!(customer.download(&library, "png", false).await.code(), "0");
    assert_eq!(customer.download(&library, "png", true).await.code(), "0");
    assert_eq!(customer.download(&local, "png", false).await.code(), "401");
    let local = format!("local/{local}");
    assert_eq!(customer.download(&local, "png", false).await.code(), "0");
}

#[tokio::test]
async fn pictures_have_the_types_of_the_chosen_version() {
    for (types, known, unknown) in [
        (FileTypes::New, ["bmp", "jpeg"], ["bpm", "gif"]),
        (FileTypes::Old, ["bpm", "jpg"], ["bmp", "jpeg"]),
    ] {
        let customer = Customer::connected(with_files(DeskFileOptions {
            types,
            ..DeskFileOptions::default()
        }))
        .await;
        let id = format!("local/{}", put(&customer, AgentFile::local("bmp", "x")));
        for file_type in known {
            customer.upload(file_type, "eA==").await;
        }
        for file_type in unknown {
            let refused = customer
                .call("uploadFileStream", &file(file_type, "eA=="))
                .await;
            assert_eq!(refused.code(), "3", "{file_type}");
        }
        let (good, bad) = (known[0], unknown[0]);
        assert_eq!(customer.download(&id, good, false).await.code(), "0");
        let refused = customer.download(&id, bad, false).await;
        assert_eq!(refused.body["resultDesc"], "param filetype Out of range!");
        assert_eq!(customer.violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn files_have_a_largest_size_and_are_not_empty() {
    let customer = Customer::connected(DeskOptions::default()).await;
    for (size, code, text) in [
        (0, "13", json!("empty file!")),
        (1, "0", Value::Null),
        (2 * MIB, "0", Value::Null),
        (2 * MIB + 1, "13", json!("fsservice downloadFile is failed")),
    ] {
        let id = format!(
            "local/{}",
            put(&customer, AgentFile::local("zip", bytes(size)))
        );
        let reply = customer.download(&id, "zip", false).await;
        assert_eq!(reply.code(), code, "{size}");
        assert_eq!(reply.body["resultDesc"], text, "{size}");
        if code == "0" {
            assert_eq!(decoded(&reply.body), bytes(size));
        }
    }
    for (file_type, size, code) in [
        ("png", 2 * MIB, "0"),
        ("png", 2 * MIB + 1, "3"),
        ("png", 2 * MIB + 2, "3"),
        ("mp4", 4 * MIB, "0"),
        ("mp4", 4 * MIB + 3, "3"),
        ("mp4", 8 * MIB, "http 413"),
    ] {
        let base64 = STANDARD.encode(bytes(size));
        let reply = customer
            .call("uploadFileStream", &file(file_type, &base64))
            .await;
        assert_eq!(reply.code(), code, "{file_type} {size}");
    }
    let uploads = customer.desk().uploads();
    let sizes: Vec<u64> = uploads.iter().map(|upload| upload.object.size).collect();
    assert_eq!(sizes, [2 * MIB as u64, 4 * MIB as u64]);
    assert_eq!(uploads[0].object.bytes().unwrap().unwrap(), bytes(2 * MIB));
    assert_eq!(customer.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_wants_a_session() {
    let customer = Customer::new().await;
    let reply = customer
        .call("uploadFileStream", &file("png", "eA=="))
        .await;
    assert_eq!(reply.code(), "13");
    assert!(customer.desk().uploads().is_empty());
}

#[tokio::test]
async fn the_other_form_of_a_named_file_can_be_chosen() {
    let customer = Customer::connected(with_files(DeskFileOptions {
        media_content: MediaContent::WithType,
        ..DeskFileOptions::default()
    }))
    .await;
    let key = customer.upload("png", "eA==").await;
    for (content, code) in [
        (format!("{key},png"), "0"),
        (format!("{key},jpg"), "160000"),
        (key, "160000"),
    ] {
        assert_eq!(
            customer
                .call("send", &media("IMAGE", &content))
                .await
                .code(),
            code
        );
    }
}

#[tokio::test]
async fn base64_comes_in_lines_or_without_padding() {
    let file = bytes(200_000);
    for form in [Base64Form::Padded, Base64Form::Lines, Base64Form::Unpadded] {
        let customer = Customer::connected(with_dialect(DeskDialect {
            base64: form,
            ..DeskDialect::default()
        }))
        .await;
        let id = format!(
            "local/{}",
            put(&customer, AgentFile::local("zip", file.clone()))
        );
        let reply = customer.download(&id, "zip", false).await;
        let text = reply.body["fileStream"].as_str().unwrap();
        let has_lines = text.lines().count() > 1;
        assert_eq!(has_lines, form == Base64Form::Lines);
        let text: String = text.lines().collect();
        let given = match form {
            Base64Form::Unpadded => STANDARD_NO_PAD.decode(text),
            _ => STANDARD.decode(text),
        };
        assert_eq!(given.unwrap(), file);
    }
}

#[tokio::test]
async fn answers_are_written_in_the_chosen_dialect() {
    let customer = Customer::connected(with_dialect(DeskDialect {
        swapped_scalars: true,
        nulls: Nulls::Everywhere,
        upload_result_code: true,
        omit_download_code: true,
        file_url: false,
        ..DeskDialect::default()
    }))
    .await;
    let empty = customer.poll().await.body;
    assert_eq!(empty["resultCode"], 0);
    assert_eq!(empty.get("downlinkMessages"), Some(&Value::Null));
    let id = format!("local/{}", put(&customer, AgentFile::local("txt", "x")));
    let message = customer.poll().await.body["downlinkMessages"][0].clone();
    assert!(message["timestamp"].is_string());
    let download = customer.download(&id, "txt", false).await.body;
    assert_eq!(
        download,
        json!({ "fileStream": "eA==", "resultDesc": null })
    );
    let upload = customer
        .call("uploadFileStream", &file("png", "eA=="))
        .await
        .body;
    assert_eq!(
        (&upload["resultCode"], upload.get("returnCode")),
        (&json!(0), None)
    );

    let customer = Customer::connected(with_dialect(DeskDialect {
        nulls: Nulls::Nowhere,
        ..DeskDialect::default()
    }))
    .await;
    assert_eq!(customer.poll().await.body.get("downlinkMessages"), None);
    let sent = AgentFile {
        message_code: MessageCode::Absent,
        file_type: None,
        ..AgentFile::library("png", "x")
    };
    put(&customer, sent);
    let message = customer.messages().await.remove(0);
    for name in ["messageCode", "mediaFileType", "contentType"] {
        assert_eq!(message.get(name), None);
    }
}

#[tokio::test]
async fn the_link_in_a_download_is_better_left_alone() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let id = format!("local/{}", put(&customer, AgentFile::local("txt", "x")));
    let reply = customer.download(&id, "txt", false).await;
    let link = reply.body["fileUrl"].as_str().unwrap();
    assert_eq!(
        customer.talk.http.get(link).send().await.unwrap().status(),
        404
    );
    assert_eq!(customer.violations().len(), 1);
}
