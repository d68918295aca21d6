//! The `content` of a message by its `mediaType` (protocol notes 6.2).

use super::desk::UploadedObject;
use super::fields::is_number;
use super::options::MediaContent;
use super::reply::Refusal;

pub(super) const MEDIA_TYPES: [&str; 8] = [
    "TEXT",
    "IMAGE",
    "AUDIO",
    "VIDEO",
    "FILE",
    "FILE_IMAGE",
    "FILE_VIDEO",
    "WEBCARD",
];
/// A text is at most this long, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// What a message holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Words,
    File(NamedFile<'a>),
}

/// A file as a message names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedFile<'a> {
    pub(super) object_key: &'a str,
    size: Option<u64>,
    file_type: Option<&'a str>,
}

fn bad(text: &str) -> Refusal {
    Refusal::code("160000", text).breach()
}

/// Takes a content apart.
pub(super) fn read<'a>(
    media_type: &str,
    content: &'a str,
    writing: MediaContent,
) -> Result<Content<'a>, Refusal> {
    if content.is_empty() {
        return Err(bad("content is missing"));
    }
    let parts: Vec<&str> = content.split(',').collect();
    let file = |object_key, size, file_type| {
        Ok(Content::File(NamedFile {
            object_key,
            size,
            file_type,
        }))
    };
    let is_typed =
        writing == MediaContent::WithType || matches!(media_type, "FILE_IMAGE" | "FILE_VIDEO");
    match (media_type, parts.as_slice()) {
        ("TEXT", _) if content.len() > TEXT_BYTES_MAX => {
            Err(Refusal::code("160027", "the text is too long").breach())
        }
        ("TEXT" | "WEBCARD", _) => Ok(Content::Words),
        (_, [object_key, file_type]) if is_typed => file(object_key, None, Some(*file_type)),
        (_, _) if is_typed => Err(bad("content is not objectKey,type")),
        ("FILE", [name, size, object_key, file_type]) if !name.is_empty() && is_number(size) => {
            file(object_key, size.parse().ok(), Some(*file_type))
        }
        ("FILE", _) => Err(bad("content is not name,size,objectKey,type")),
        (_, [object_key]) => file(object_key, None, None),
        _ => Err(bad("content is more than an objectKey")),
    }
}

/// Whether a file is what the message says of it.
pub(super) fn compare(
    media_type: &str,
    named: &NamedFile<'_>,
    uploaded: &UploadedObject,
) -> Result<(), Refusal> {
    if named.size.is_some_and(|size| size != uploaded.object.size) {
        return Err(bad("content has another size than the uploaded file"));
    }
    if named
        .file_type
        .is_some_and(|given| given != uploaded.file_type)
    {
        return Err(bad("content has another type than the uploaded file"));
    }
    let fits = match media_type {
        "IMAGE" | "FILE_IMAGE" => {
            matches!(
                uploaded.file_type.as_str(),
                "jpg" | "jpeg" | "png" | "bmp" | "bpm"
            )
        }
        "AUDIO" => matches!(uploaded.file_type.as_str(), "mp3" | "aac"),
        "VIDEO" | "FILE_VIDEO" => uploaded.file_type == "mp4",
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(bad("mediaType does not fit the type of the uploaded file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<'a>(
        object_key: &'a str,
        size: Option<u64>,
        file_type: Option<&'a str>,
    ) -> Content<'a> {
        Content::File(NamedFile {
            object_key,
            size,
            file_type,
        })
    }

    #[test]
    fn each_media_type_has_its_form() {
        let plain = MediaContent::Plain;
        for (media_type, content, writing, wanted) in [
            ("TEXT", "a,b", plain, Content::Words),
            ("IMAGE", "k", plain, named("k", None, None)),
            (
                "IMAGE",
                "k,jpg",
                MediaContent::WithType,
                named("k", None, Some("jpg")),
            ),
            ("FILE_IMAGE", "k,jpg", plain, named("k", None, Some("jpg"))),
            (
                "FILE",
                "a.csv,7,k,csv",
                plain,
                named("k", Some(7), Some("csv")),
            ),
            (
                "FILE",
                "k,csv",
                MediaContent::WithType,
                named("k", None, Some("csv")),
            ),
        ] {
            assert_eq!(read(media_type, content, writing).unwrap(), wanted);
        }
        for (media_type, content, writing) in [
            ("IMAGE", "", plain),
            ("IMAGE", "k,jpg", plain),
            ("IMAGE", "k", MediaContent::WithType),
            ("FILE", "k", plain),
            ("FILE", "a,b.csv,7,k,csv", plain),
            ("FILE", "a.csv,7 KB,k,csv", plain),
            ("FILE", ",7,k,csv", plain),
            ("FILE_VIDEO", "k", plain),
        ] {
            let refused = read(media_type, content, writing).unwrap_err();
            assert!(refused.violation().is_some(), "{media_type} {content}");
        }
    }
}
