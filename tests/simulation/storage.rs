//! The part of the simulated cloud that is cloud storage: which token opens which call, what a link is, and
//! how a form is read. Written from the protocol, like the rest of the model.

use syncd::port::transport::Reply;

use crate::cloud::json;

/// A link for a form; its address tells the signature, so that an exchange is known before its body came.
pub fn link(signature: &str, authorization: &str, token: &str, path: &str) -> Reply {
    json(&format!(
        r#"{{"errcode":0,"errmsg":"ok","url":"https://shop.cos.example.com/form/{signature}/{path}","token":"{token}","authorization":"{authorization}","file_id":"cloud://{signature}","cos_file_id":"{}"}}"#,
        cos_file_id(signature)
    ))
}

fn cos_file_id(signature: &str) -> String {
    format!("a+b/{signature}==")
}

/// The signature and the key in the address of a form.
pub fn parts(address: &str) -> Option<(&str, &str)> {
    address.strip_prefix("form/")?.split_once('/')
}

/// A form, read.
pub struct Form {
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub file: Vec<u8>,
}

impl Form {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Reads a whole body; what is wrong with it, in words.
    pub fn read(content_type: &str, body: &[u8]) -> Result<Self, String> {
        let boundary = content_type
            .strip_prefix("multipart/form-data; boundary=")
            .ok_or("it is no form")?;
        let opening = format!("--{boundary}\r\n");
        let end = format!("\r\n--{boundary}--\r\n");
        let mut rest = body.strip_suffix(end.as_bytes()).ok_or("it does not end")?;
        let mut fields = Vec::new();
        loop {
            rest = rest
                .strip_prefix(opening.as_bytes())
                .ok_or("a part does not begin")?;
            let at = find(rest, b"\r\n\r\n").ok_or("a part has no head")?;
            let head = String::from_utf8_lossy(&rest[..at]).into_owned();
            rest = &rest[at + 4..];
            if head.contains("name=\"file\"; filename=\"file\"") {
                let file = rest.to_vec();
                return Ok(Self { fields, file });
            }
            let name = head
                .strip_prefix("Content-Disposition: form-data; name=\"")
                .and_then(|head| head.strip_suffix('"'))
                .ok_or("a field has no name")?;
            let break_at = find(rest, b"\r\n").ok_or("a field does not end")?;
            let value = String::from_utf8(rest[..break_at].to_vec()).map_err(|_| "no UTF-8")?;
            fields.push((name.to_ascii_lowercase(), value));
            rest = &rest[break_at + 2..];
        }
    }

    /// What breaks the rules of the form, if anything does.
    pub fn breach(&self, signature: &str, key: &str) -> Option<String> {
        let first = [
            "key",
            "signature",
            "x-cos-security-token",
            "x-cos-meta-fileid",
        ];
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        if !names.starts_with(&first) {
            return Some(format!("a form has the fields {names:?}"));
        }
        if self.get("key") != Some(key) {
            return Some(format!(
                "the form for {key} has the key {:?}",
                self.get("key")
            ));
        }
        if self.get("x-cos-meta-fileid") != Some(&cos_file_id(signature)) {
            return Some("a form has another fileid".to_owned());
        }
        let sign = self.get("signature").unwrap_or_default();
        (!sign.ends_with(&format!("q-signature={signature}")))
            .then(|| "a form has the signature of another link".to_owned())
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
