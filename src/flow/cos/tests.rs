use super::*;
use crate::model::digest::Hasher;
use bytes::Bytes;
use proptest::prelude::*;

const DOCUMENT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Error><Code>AccessDenied</Code><Message>Request has expired</Message>
<Resource>/img/logo.png</Resource><RequestId>FAKEreq</RequestId><TraceId>FAKEtrace</TraceId></Error>"#;

fn error(code: &str, message: &str) -> CosError {
    CosError {
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: String::new(),
    }
}

#[test]
fn the_published_error_document_is_read() {
    let read = read_error(DOCUMENT.as_bytes()).unwrap();
    assert_eq!(read.code, "AccessDenied");
    assert_eq!(read.message, "Request has expired");
    assert_eq!(read.request_id, "FAKEreq");
}

#[test]
fn error_documents_are_read_in_every_form_that_means_one() {
    let forms = [
        ("\u{feff}\n <Error><Code>A</Code></Error>", error("A", "")),
        ("<Error>\n <Code> A </Code>\n</Error> rest", error("A", "")),
        (
            "<Error><Message>a &lt; b &#x41;&amp;</Message><Code>A</Code></Error>",
            error("A", "a < b A&"),
        ),
        ("<Error><Code><![CDATA[A]]></Code></Error>", error("A", "")),
        (
            "<Error><Code>A</Code><Code>B</Code></Error>",
            error("A", ""),
        ),
        (
            "<Error><Code>A</Code><Other><Code>B</Code></Other></Error>",
            error("A", ""),
        ),
        (
            "<Error><Code>Request has expired</Code></Error>",
            error("Request has expired", ""),
        ),
    ];
    for (document, expected) in forms {
        assert_eq!(
            read_error(document.as_bytes()),
            Some(expected),
            "{document}"
        );
    }
}

#[test]
fn whatever_is_no_error_document_is_not_read() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa">]><Error><Code>&a;</Code></Error>"#;
    let deep = "<Error>".to_owned() + &"<a>".repeat(20_000);
    for document in [
        "",
        "<html><body>502</body></html>",
        "<Error></Error>",
        "<Error/>",
        "<Error><Code></Code></Error>",
        "<Error><Code>A</Code>",
        "<Error><Code>A</Message></Error>",
        "<Error><Code>&unknown;</Code></Error>",
        "<a><Error><Code>A</Code></Error></a>",
        "{\"errcode\":0}",
        bomb,
        &deep,
    ] {
        assert_eq!(
            read_error(document.as_bytes()),
            None,
            "{}",
            document.get(..40).unwrap_or(document)
        );
    }
    assert_eq!(read_error(b"<Error><Code>\xff</Code></Error>"), None);
}

#[test]
fn long_values_are_cut() {
    let document = format!(
        "<Error><Code>A</Code><Message>{}</Message></Error>",
        "é".repeat(5_000)
    );
    assert!(read_error(document.as_bytes()).unwrap().message.len() <= VALUE_BYTES_MAX);
}

fn checksums() -> Checksums {
    let mut hasher = Hasher::new();
    hasher.update(b"[Object Content]");
    hasher.finish()
}

const CRC: (&str, &str) = ("x-cos-hash-crc64ecma", "16749565679157681890");
const ETAG: (&str, &str) = ("etag", "\"EE8DE918D05640145B18F70F4C3AA602\"");
const OTHER_ETAG: (&str, &str) = ("etag", "\"d41d8cd98f00b204e9800998ecf8427e\"");

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Reply {
        status,
        headers: headers.iter().map(pair).collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn read(headers: &[(&str, &str)]) -> Result<bool, String> {
    read_answer(Call::Put, &answer(200, headers, ""), 16, Some(checksums()))
        .map(|receipt| receipt.verified)
        .map_err(|fault| fault.code)
}

#[test]
fn the_stored_object_is_checked_by_crc_then_by_etag() {
    let wrong = Err("checksum".to_owned());
    assert_eq!(read(&[CRC, ETAG]), Ok(true));
    assert_eq!(read(&[CRC, OTHER_ETAG]), Ok(true), "the CRC decides");
    assert_eq!(read(&[("x-cos-hash-crc64ecma", "1"), ETAG]), wrong);
    assert_eq!(read(&[("x-cos-hash-crc64ecma", "none"), ETAG]), wrong);
    assert_eq!(read(&[ETAG]), Ok(true));
    assert_eq!(read(&[OTHER_ETAG]), wrong);
    assert_eq!(
        read(&[("etag", "\"0123456789abcdef0123456789abcdef-1\"")]),
        Ok(false)
    );
    assert_eq!(read(&[]), Ok(false));
}

#[test]
fn a_success_without_the_checksums_of_what_was_sent_is_none() {
    let fault = read_answer(Call::Put, &answer(200, &[CRC], ""), 16, None).unwrap_err();
    assert_eq!(
        (fault.layer, fault.code.as_str()),
        (Layer::Transport, "cut")
    );
}

#[test]
fn a_receipt_says_what_was_sent() {
    let receipt = read_answer(Call::Put, &answer(200, &[ETAG], ""), 16, Some(checksums())).unwrap();
    assert_eq!(receipt.bytes, 16);
    assert_eq!(receipt.digest, checksums().sha256);
    assert_eq!(
        receipt.etag.as_deref(),
        Some("ee8de918d05640145b18f70f4c3aa602")
    );
}

#[test]
fn answers_that_are_no_success_become_faults_by_code_or_status() {
    let html = "<html>Bad gateway</html>";
    let table = [
        (403, DOCUMENT, Layer::Cos, "AccessDenied"),
        (200, DOCUMENT, Layer::Cos, "AccessDenied"),
        (301, DOCUMENT, Layer::Http, "301"),
        (307, "", Layer::Http, "307"),
        (201, "", Layer::Http, "201"),
        (204, "", Layer::Http, "204"),
        (206, "", Layer::Http, "206"),
        (502, html, Layer::Http, "502"),
        (503, "", Layer::Http, "503"),
        (100, "", Layer::Http, "100"),
    ];
    for (status, body, layer, code) in table {
        let reply = answer(status, &[CRC], body);
        let fault = read_answer(Call::Put, &reply, 16, Some(checksums())).unwrap_err();
        assert_eq!(
            (fault.layer, fault.code.as_str()),
            (layer, code),
            "{status}"
        );
        assert_eq!(fault.status, Some(status));
        assert_eq!(fault.call, Call::Put);
    }
}

#[test]
fn a_form_is_answered_with_one_of_three_statuses_and_no_other() {
    let post = |status, headers: &[_], body| {
        read_answer(
            Call::Post,
            &answer(status, headers, body),
            16,
            Some(checksums()),
        )
        .map(|receipt| receipt.verified)
        .map_err(|fault| (fault.call, fault.layer, fault.code))
    };
    let document = "<PostResponse><Key>a</Key><ETag>x</ETag></PostResponse>";
    for status in [200, 201, 204] {
        assert_eq!(post(status, &[ETAG], document), Ok(true), "{status}");
        assert_eq!(post(status, &[], ""), Ok(false), "{status}");
        let wrong = (Call::Post, Layer::Cos, "checksum".to_owned());
        assert_eq!(post(status, &[OTHER_ETAG], ""), Err(wrong), "{status}");
        let refused = (Call::Post, Layer::Cos, "AccessDenied".to_owned());
        assert_eq!(post(status, &[ETAG], DOCUMENT), Err(refused), "{status}");
    }
    for status in [100, 202, 203, 205, 206, 303, 307, 500] {
        let fault = (Call::Post, Layer::Http, status.to_string());
        assert_eq!(post(status, &[ETAG], ""), Err(fault));
    }
}

#[test]
fn an_error_names_its_request_and_the_wait_it_asks_for() {
    let reply = answer(503, &[("retry-after", "7")], DOCUMENT);
    let fault = read_answer(Call::Put, &reply, 16, Some(checksums())).unwrap_err();
    assert_eq!(fault.message, "Request has expired [request FAKEreq]");
    assert_eq!(fault.retry_after, Some(std::time::Duration::from_secs(7)));
}

#[test]
fn a_bare_status_says_whether_it_came_from_the_object_store() {
    let own = answer(500, &[("x-cos-request-id", "x")], "");
    let other = answer(500, &[], "");
    let message = |reply| read_answer(Call::Put, reply, 16, None).unwrap_err().message;
    assert_eq!(message(&own), "");
    assert!(message(&other).contains("a proxy may have answered"));
}

proptest! {
    #[test]
    fn no_document_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_error(&body);
    }

    #[test]
    fn no_text_of_markup_makes_the_reader_panic(
        body in "(<|>|/|Error|Code|&|;|#|x|!\\[CDATA\\[|\\]\\]|A|\"| ){0,60}"
    ) {
        let _ = read_error(body.as_bytes());
    }
}
