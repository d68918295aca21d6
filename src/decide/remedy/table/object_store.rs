//! Rules for the object store: its codes, and bare statuses of an answer to the bytes.

use super::{POST, SENDING};
use crate::decide::remedy::{Codes, Rule};
use crate::model::fault::Layer;

const NOTHING: &str = "Nothing, if it passes; syncd tries again by itself.";
const NAME: &str = "Rename the file or shorten its path, then it is taken as a new one.";
const REPORT: &str = "Please report this with the code; `syncd queue retry` tries again.";
const CONSOLE: &str =
    "Look at the storage and the bill in the Tencent Cloud console, then `syncd resume`.";
const RIGHTS: &str =
    "Check that account, `env` and permissions belong together, then `syncd resume`.";

pub(super) const RULES: &[Rule] = &[
    Rule::cos(&["checksum"]).of_the_file_times(2).means(
        "The object store's checksum is not that of the bytes which were sent.",
        "If it lasts, suspect this machine's memory, disk or network card.",
        "4.3",
    ),
    Rule::cos(&["BadDigest", "InvalidDigest", "InvalidSHA1Digest"])
        .of_the_file_times(2)
        .means(
            "Other bytes arrived than were announced: the file changed or they were damaged on \
         the way.",
            "If it lasts, suspect this machine's memory, disk or network card.",
            "6.3",
        ),
    Rule::cos(&[
        "EntitySizeNotMatch",
        "IncompleteBody",
        "ImcompleteBody",
        "MissingRequestBodyError",
    ])
    .of_the_file()
    .means(
        "The body ended early.",
        "If it lasts, look for a proxy in between.",
        "6.3",
    ),
    Rule::cos(&["RequestTimeout"]).means(
        "The object store waited too long for bytes.",
        "Check the uplink; fewer parallel transfers (`limits.concurrency`) may help.",
        "6.3",
    ),
    Rule::cos(&["UserNetworkTooSlow"]).slow_down().means(
        "The uplink is too slow for so many transfers.",
        "Nothing: syncd lowers their number; a fixed `limits.concurrency` should be lowered \
         by hand.",
        "6.3",
    ),
    Rule::cos(&["ExpiredToken"]).fresh_links().means(
        "The link's temporary credential has ended.",
        "If it lasts, check this machine's clock and uplink.",
        "6.3",
    ),
    Rule::cos(&["AccessDenied", "AccessForbidden"])
        .saying("Request has expired")
        .fresh_links()
        .means(
            "The link has ended.",
            "If it lasts, check this machine's clock and uplink.",
            "6.3",
        ),
    Rule::cos(&["Request has expired"]).fresh_links().means(
        "The link has ended; an older spelling of the same.",
        "If it lasts, check this machine's clock and uplink.",
        "6.3, 7",
    ),
    Rule::cos(&["RequestTimeTooSkewed"]).fresh_links().means(
        "The request's time is too far from the object store's.",
        "Set this machine's clock (`timedatectl`); compare it with the `Date` header of any \
         answer.",
        "6.3",
    ),
    Rule::cos(&["SignatureDoesNotMatch"])
        .fresh_link_or_dead()
        .means(
            "The link's signature does not fit the request; mostly a matter of unusual characters \
         in the key.",
            "Rename the file if its name holds unusual characters; look for a proxy that rewrites \
         addresses.",
            "6.3",
        ),
    Rule::cos(&[
        "AccessDenied",
        "AccessForbidden",
        "InvalidAccessKeyId",
        "InvaildAccessKeyId",
        "InvalidSecurity",
        "AccountProblem",
    ])
    .fresh_link_or_pause()
    .means("The object store refuses the link's rights.", RIGHTS, "6.3"),
    Rule::cos(&["EntityTooLarge"]).dead().means(
        "The file is larger than one upload may be (5 GB, or less by policy).",
        "Make the file smaller, or exclude it.",
        "6.3",
    ),
    Rule::cos(&["KeyTooLong", "InvalidURI", "InvalidObjectName"])
        .dead()
        .means("The object store does not take this key.", NAME, "6.3, 7"),
    Rule::cos(&[
        "MalformedPOSTRequest",
        "RequestIsNotMultiPartContent",
        "IncorrectNumberOfFilesInPostRequest",
        "UserKeyMustBeSpecified",
        "MaxPostPreDataLengthExceededError",
        "InvalidPolicyDocument",
    ])
    .on(POST)
    .dead()
    .means("The upload's form was refused.", REPORT, "6.3"),
    Rule::cos(&["MetadataTooLarge", "MatadataTooLarge"])
        .dead()
        .means(
            "The stored headers are larger than the object store takes (2 KB).",
            "Shorten the `[[folder.header]]` rules.",
            "6.3, 7",
        ),
    Rule::cos(&[
        "InvalidArgument",
        "InvalidRequest",
        "BadRequest",
        "BadRquest",
    ])
    .fresh_link_or_dead()
    .means(
        "The object store refused the request without saying why.",
        REPORT,
        "6.3",
    ),
    Rule::cos(&["PaymentRequired"])
        .pause()
        .means("The bill is not paid.", CONSOLE, "6.3"),
    Rule::cos(&["NoSuchBucket"]).pause().means(
        "The storage does not exist: the environment was destroyed or is not ready.",
        "Look whether the environment (and its static website) is enabled in the CloudBase \
         console, then `syncd resume`.",
        "6.3",
    ),
    Rule::cos(&["NoSuchKey"]).fresh_link_or_dead().means(
        "There is no such object; for a deletion that is success.",
        REPORT,
        "6.3",
    ),
    Rule::cos(&["MethodNotAllowed", "NotImplemented"])
        .pause()
        .means(
            "The object store does not know this request.",
            "Look for a proxy that rewrites requests; else please report this.",
            "6.3",
        ),
    Rule::cos(&[
        "PathConflict",
        "ObjectLocked",
        "InvalidObjectState",
        "ObjectNotAppendable",
    ])
    .dead()
    .means(
        "The object's state forbids replacing it.",
        "Look at the object in the Tencent Cloud console, then `syncd queue retry`.",
        "6.3",
    ),
    Rule::cos(&["BucketLocked", "InvalidBucketState", "QuotaConflict"])
        .pause()
        .means("The storage's state forbids uploads.", CONSOLE, "6.3"),
    Rule::cos(&["UploadConflict"]).of_the_file().means(
        "Somebody else was writing the same object.",
        "See that only one process publishes this key.",
        "6.3",
    ),
    Rule::cos(&["MissingContentLength", "PreconditionFailed", "InvalidRange"])
        .dead()
        .means(
            "The request lacked something the object store needs.",
            REPORT,
            "6.3",
        ),
    Rule::cos(&["UnavailableForLegalReasons", "DomainAuditFailed"])
        .pause()
        .means(
            "The storage is blocked for legal reasons or its domain was not approved.",
            CONSOLE,
            "6.3",
        ),
    Rule::cos(&["SlowDown", "ServiceUnavailable"])
        .slow_down()
        .means(
            "The object store asks for fewer requests, or is not available.",
            NOTHING,
            "6.3",
        ),
    Rule::cos(&["InternalError"]).means(
        "The object store has an error of its own.",
        NOTHING,
        "6.3",
    ),
    Rule::of(Layer::Cos, Codes::Any).fresh_link_or_dead().means(
        "A code of the object store that syncd does not know, without a status that says more.",
        REPORT,
        "6.3",
    ),
    Rule::http(&["401"]).fresh_link_or_pause().means(
        "The link's rights were refused.",
        RIGHTS,
        "6.3",
    ),
    Rule::http(&["402"])
        .pause()
        .means("The bill is not paid.", CONSOLE, "6.3"),
    Rule::http(&["403"]).fresh_link_or_pause().means(
        "The link's rights were refused.",
        RIGHTS,
        "6.3",
    ),
    Rule::http(&["405", "501"]).pause().means(
        "The object store does not know this request.",
        "Look for a proxy that rewrites requests; else please report this.",
        "6.3",
    ),
    Rule::http(&["408"]).means(
        "The object store waited too long for bytes.",
        NOTHING,
        "6.3",
    ),
    Rule::http(&["409"]).of_the_file().means(
        "Somebody else was writing the same object.",
        NOTHING,
        "6.3",
    ),
    Rule::http(&["411", "412", "416"]).dead().means(
        "The request lacked something the object store needs.",
        REPORT,
        "6.3",
    ),
    Rule::http(&["413"]).dead().means(
        "The file is larger than the other side takes.",
        "Make the file smaller, or exclude it; look for a proxy with a limit of its own.",
        "6.3",
    ),
    Rule::http(&["429"]).slow_down().means(
        "The object store asks for fewer requests.",
        NOTHING,
        "6.3",
    ),
    Rule::http(&["451"])
        .pause()
        .means("The storage is blocked for legal reasons.", CONSOLE, "6.3"),
    Rule::http(&["503"])
        .slow_down()
        .means("The object store is not available.", NOTHING, "6.3"),
    Rule::of(Layer::Http, Codes::Between(300, 399))
        .on(SENDING)
        .means(
            "The answer sends us elsewhere; a signed request must not follow.",
            "Look for a proxy or a login page between this machine and the cloud.",
            "6.3",
        ),
    Rule::of(Layer::Http, Codes::Between(400, 499))
        .on(SENDING)
        .fresh_link_or_dead()
        .means("The upload was refused without a reason.", REPORT, "6.3"),
    Rule::of(Layer::Http, Codes::Between(500, 599))
        .on(SENDING)
        .means(
            "The object store or something before it is in trouble.",
            NOTHING,
            "6.3",
        ),
];
