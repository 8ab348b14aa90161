//! Object storage and web servers: who is asked, with which credentials, how often, and what is said when it fails.
use crate::error::{Error, Result};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// What is not refused for good is tried so often.
const TRIES: u32 = 5;
/// Objects that may be listed.
const MOST: usize = 1 << 20;

/// One of these variables must be there for a kind of store.
const CREDENTIALS: [(&str, &[&str], &str); 3] = [
    (
        "s3",
        &[
            "AWS_ACCESS_KEY_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_METADATA_ENDPOINT",
            "AWS_SKIP_SIGNATURE",
        ],
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_ENDPOINT for another server than Amazon's), or AWS_SKIP_SIGNATURE=true for public data",
    ),
    (
        "gs",
        &[
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SKIP_SIGNATURE",
        ],
        "set GOOGLE_SERVICE_ACCOUNT to the file of a service account, or GOOGLE_SKIP_SIGNATURE=true for public data",
    ),
    (
        "az",
        &[
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_CLIENT_SECRET",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_SKIP_SIGNATURE",
        ],
        "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_SKIP_SIGNATURE=true for public data",
    ),
];

/// A store that was opened.
pub(super) struct Store {
    store: Box<dyn ObjectStore>,
    /// what stands before the path in an address
    start: String,
    /// whether it can say what it holds
    lists: bool,
}

/// The threads that wait for answers.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .ok()
    });
    made.as_ref()
        .ok_or_else(|| Error::usage("cannot start threads for the network", "end other programs"))
}

impl Store {
    /// The store of an address, and the path in it.
    ///
    /// # Errors
    /// [`Error::Usage`] for an address that cannot be used, or without credentials.
    pub(super) fn open(address: &str) -> Result<(Store, &str)> {
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let web = scheme.starts_with("http");
        if host.contains('@') || (web && path.contains('?')) {
            let problem = format!(
                "an address of `{scheme}://` holds credentials or a query, which would be kept in the recipe"
            );
            return Err(Error::usage(
                problem,
                "give the address alone, and credentials by environment variables",
            ));
        }
        if host.is_empty() {
            let problem = format!("`{scheme}://` names no {}", if web { "server" } else { "bucket" });
            return Err(Error::usage(
                problem,
                "write it as s3://BUCKET/FOLDER or https://SERVER/x-{000..127}.tar",
            ));
        }
        let kind = if scheme == "abfs" { "az" } else { scheme };
        let is_set = |v: &&str| std::env::var_os(v).is_some_and(|v| !v.is_empty());
        let wanted = CREDENTIALS.iter().find(|(k, ..)| *k == kind);
        if let Some((_, _, fix)) = wanted.filter(|(_, variables, _)| !variables.iter().any(is_set)) {
            return Err(Error::usage(
                format!("{scheme}://{host}: there are no credentials"),
                *fix,
            ));
        }
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        };
        let retry = RetryConfig {
            backoff,
            max_retries: 4,
            retry_timeout: Duration::from_secs(60),
        };
        let options = || {
            let options = ClientOptions::new().with_timeout(Duration::from_secs(60));
            options
                .with_connect_timeout(Duration::from_secs(10))
                .with_allow_http(true)
        };
        let made: object_store::Result<Box<dyn ObjectStore>> = match kind {
            "s3" => AmazonS3Builder::from_env()
                .with_bucket_name(host)
                .with_retry(retry)
                .with_client_options(options())
                .build()
                .map(|s| Box::new(s) as _),
            "gs" => GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(host)
                .with_retry(retry)
                .with_client_options(options())
                .build()
                .map(|s| Box::new(s) as _),
            "az" => MicrosoftAzureBuilder::from_env()
                .with_container_name(host)
                .with_retry(retry)
                .with_client_options(options())
                .build()
                .map(|s| Box::new(s) as _),
            _ => HttpBuilder::new()
                .with_url(format!("{scheme}://{host}"))
                .with_retry(retry)
                .with_client_options(options())
                .build()
                .map(|s| Box::new(s) as _),
        };
        let store = made.map_err(|e| {
            Error::usage(
                format!("{scheme}://{host}: cannot be used: {}", said(&e)),
                "check the environment variables",
            )
        })?;
        let store = Store {
            store,
            start: format!("{scheme}://{host}"),
            lists: !web,
        };
        Ok((store, path))
    }

    /// Whether it can say what it holds.
    pub(super) fn lists(&self) -> bool {
        self.lists
    }

    /// The address of an object.
    pub(super) fn name(&self, path: &Path) -> String {
        format!("{}/{path}", self.start)
    }

    fn path(&self, text: &str) -> Result<Path> {
        Path::parse(text).map_err(|e| Error::usage(format!("{}/{text}: {e}", self.start), "mend the address"))
    }

    /// All objects below a folder.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the store does not answer, [`Error::Usage`] when it cannot be listed.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        if !self.lists {
            let problem = format!("{}/{folder}: a web server cannot be listed", self.start);
            return Err(Error::usage(problem, "name its shards, as x-{000..127}.tar"));
        }
        let (mut folders, mut all) = (vec![self.path(folder.trim_matches('/'))?], Vec::new());
        while let Some(folder) = folders.pop() {
            let listed = self.tried(&folder, || self.store.list_with_delimiter(Some(&folder)))?;
            all.extend(listed.objects);
            folders.extend(listed.common_prefixes);
            if all.len() + folders.len() > MOST {
                let problem = format!("holds more than {MOST} objects");
                return Err(Error::data(
                    self.name(&folder),
                    problem,
                    "name the shards by a pattern",
                ));
            }
        }
        Ok(all)
    }

    /// What an object is.
    ///
    /// # Errors
    /// [`Error::Data`] when it is not there; as [`Store::list`].
    pub(super) fn about(&self, path: &str) -> Result<ObjectMeta> {
        let path = self.path(path)?;
        self.tried(&path, || self.store.head(&path))
    }

    /// A small object, whole.
    ///
    /// # Errors
    /// [`Error::Data`] when it has more than `most` bytes; as [`Store::about`].
    pub(super) fn get(&self, about: &ObjectMeta, most: u64) -> Result<Vec<u8>> {
        match about.size {
            0 => Ok(vec![]),
            n if n <= most => self.range(about, 0..n),
            n => Err(Error::data(
                self.name(&about.location),
                format!("has {n} bytes, which cannot be right"),
                "remove it",
            )),
        }
    }

    /// A range of an object's bytes, which must still be the object that was listed.
    ///
    /// # Errors
    /// As [`Store::about`].
    pub(super) fn range(&self, about: &ObjectMeta, range: Range<u64>) -> Result<Vec<u8>> {
        let wanted = (range.end - range.start) as usize;
        let path = &about.location;
        let got = self.tried(path, || async {
            let options = GetOptions::new().with_range(Some(range.clone()));
            let result = self.store.get_opts(path, options).await?;
            let (tag, size) = (result.meta.e_tag.clone(), result.meta.size);
            let bytes = result.bytes().await?;
            // A connection that breaks off is not always told apart from an answer's end.
            if bytes.len() != wanted {
                let source = format!("{} of {wanted} bytes came", bytes.len()).into();
                return Err(object_store::Error::Generic {
                    store: "range",
                    source,
                });
            }
            Ok((tag, size, bytes))
        });
        let (tag, size, bytes) = got?;
        if size != about.size || is_another(tag.as_deref(), about.e_tag.as_deref()) {
            let fix = "leave shards alone while they are read; begin again";
            return Err(Error::data(
                self.name(path),
                "has changed since it was listed",
                fix,
            ));
        }
        Ok(bytes.to_vec())
    }

    /// The answer to a request, which is made again when it fails in a way that may pass.
    fn tried<T, F>(&self, path: &Path, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let runtime = runtime()?;
        let mut wait = Duration::from_millis(100);
        for attempt in 1.. {
            let problem = match runtime.block_on(ask()) {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            let (place, told) = (self.name(path), said(&problem));
            match problem {
                object_store::Error::NotFound { .. } => {
                    return Err(Error::data(place, "is not there", "check the address"));
                }
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => {
                    let fix = "check the credentials in the environment, and what they allow";
                    return Err(Error::usage(format!("{place}: access is refused: {told}"), fix));
                }
                _ if attempt < TRIES => std::thread::sleep(wait),
                _ => {
                    return Err(Error::Unreachable {
                        place,
                        problem: format!("cannot be fetched, in {TRIES} tries: {told}"),
                        fix: "look at the connection and the store, then go on with --resume".into(),
                    });
                }
            }
            wait = (2 * wait).min(Duration::from_secs(5));
        }
        unreachable!("the loop ends with an answer or an error")
    }
}

/// What an error says, in a line without secrets: no queries of addresses, no values of variables that hold any.
fn said(e: &object_store::Error) -> String {
    let mut text = e.to_string();
    let mut source = std::error::Error::source(e);
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    let secrets = std::env::vars()
        .filter(|(k, v)| is_secret(k) && v.len() > 3)
        .map(|(_, v)| v);
    without_secrets(&text, secrets)
}

/// Whether a variable of this name may hold a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    [
        "KEY",
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "SAS",
        "CREDENTIAL",
        "SERVICE_ACCOUNT",
    ]
    .iter()
    .any(|s| name.contains(s))
}

fn without_secrets(text: &str, secrets: impl Iterator<Item = String>) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for secret in secrets {
        text = text.replace(&secret, "***");
    }
    let words = text
        .split(' ')
        .map(|word| match (word.contains("://"), word.split_once('?')) {
            (true, Some((address, _))) => address,
            _ => word,
        });
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Whether two tags of an object, as far as they are known, are of different contents. Azure has quotes around that of an answer,
/// and none around that of a listing.
fn is_another(tag: Option<&str>, listed: Option<&str>) -> bool {
    let bare = |t: &str| t.trim_start_matches("W/").trim_matches('"').to_string();
    tag.zip(listed).is_some_and(|(a, b)| bare(a) != bare(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_said() {
        let text = "Error performing GET https://x.blob/y?sig=abc%2F&se=1 in 3ms,\n with hunter2hunter2 after 2 tries";
        let said = without_secrets(text, ["hunter2hunter2".to_string()].into_iter());
        assert_eq!(
            said,
            "Error performing GET https://x.blob/y in 3ms, with *** after 2 tries"
        );
        assert!(
            is_secret("AWS_SECRET_ACCESS_KEY") && is_secret("azure_storage_sas_token") && !is_secret("PATH")
        );
    }

    #[test]
    fn tags_are_compared_without_their_quotes() {
        assert!(!is_another(Some("\"0x8D\""), Some("0x8D")) && !is_another(Some("W/\"a\""), Some("\"a\"")));
        assert!(is_another(Some("\"0x8D\""), Some("0x8E")) && !is_another(None, Some("0x8E")));
    }

    #[test]
    fn addresses_with_credentials_are_refused_without_repeating_them() {
        for address in ["s3://user:hunter2@bucket/x", "https://host/x.tar?sig=hunter2"] {
            let e = Store::open(address).err().unwrap().to_string();
            assert!(e.contains("credentials") && !e.contains("hunter2"), "{e}");
        }
        for address in ["s3:///x", "https://"] {
            assert!(
                Store::open(address)
                    .err()
                    .unwrap()
                    .to_string()
                    .contains("names no")
            );
        }
    }
}
