//! Files in a bucket: which one, and how to get at it.

use std::time::Duration;

use object_store::ClientOptions;
use object_store::aws::AmazonS3Builder;

use super::{ObjectStorage, StorageError};

/// How long a bucket may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How long it may say nothing. There is no bound on a whole transfer: a large file to a slow reader takes its time.
const SILENCE: Duration = Duration::from_secs(60);

/// A bucket of S3, or of something that speaks like it.
///
/// What is not said here is looked for in the environment: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT`, and the rest of the names that everybody uses.
///
/// ```
/// use fluxstack_live::storage::S3;
/// let storage = S3::bucket("pictures")
///     .endpoint("http://127.0.0.1:9000")
///     .allow_http()
///     .credentials("an id", "a secret")
///     .build()
///     .unwrap();
/// ```
#[derive(Clone)]
pub struct S3 {
    bucket: String,
    builder: AmazonS3Builder,
    options: ClientOptions,
    endpoint: Option<String>,
    allows_http: bool,
}

impl S3 {
    /// This bucket.
    #[must_use]
    pub fn bucket(name: impl Into<String>) -> Self {
        let bucket = name.into();
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT)
            .with_read_timeout(SILENCE);
        // One request for each object that is removed: not everybody knows the one for many.
        let builder =
            AmazonS3Builder::from_env().with_bucket_name(bucket.as_str()).with_disable_bulk_delete(true);
        Self { bucket, builder, options, endpoint: None, allows_http: false }
    }

    /// Where it is: `eu-central-1`, for instance.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.builder = self.builder.with_region(region);
        self
    }

    /// Who serves it, if not the inventor. The bucket's name is then the first part of the path.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        let endpoint = endpoint.into();
        self.builder = self.builder.with_endpoint(endpoint.as_str());
        self.endpoint = Some(endpoint);
        self
    }

    /// Who this server is there.
    #[must_use]
    pub fn credentials(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.builder = self.builder.with_access_key_id(id).with_secret_access_key(secret);
        self
    }

    /// Also without TLS: for a bucket on this machine, or in a network that is nobody else's.
    #[must_use]
    pub fn allow_http(mut self) -> Self {
        self.options = self.options.with_allow_http(true);
        self.allows_http = true;
        self
    }

    /// The storage. Nothing is asked of the bucket yet.
    ///
    /// # Errors
    /// [`StorageError::Unusable`], if something is missing or is not what it should be.
    pub fn build(self) -> Result<ObjectStorage, StorageError> {
        let place = self.bucket;
        let is_sealed = |endpoint: &String| endpoint.starts_with("https://");
        let is_allowed = |endpoint: &String| self.allows_http && endpoint.starts_with("http://");
        // Otherwise only the first file would find out.
        if self.endpoint.is_some_and(|endpoint| !is_sealed(&endpoint) && !is_allowed(&endpoint)) {
            let cause = "its address begins with `https://`, or with `http://` after `.allow_http()`".into();
            return Err(StorageError::Unusable { place, cause });
        }
        let store = self.builder.with_client_options(self.options).build();
        let store = store.map_err(|error| StorageError::Unusable { place, cause: error.into() })?;
        Ok(ObjectStorage::signing(store))
    }
}
