//! Keeping a file that was taken: where that is, and for whom.

use std::sync::Arc;

use super::{UploadedFile, Uploads};
use crate::auth::Identity;
use crate::error::{Code, Error, Result};
use crate::files::{FileRequest, Files};
use crate::seal::Keys;
use crate::storage::{Keeping, KeptFile, Source, Storage, StorageError, keep};

/// Where files are kept if nobody says otherwise: beside those on their way, and so on the same file system.
#[cfg(feature = "files")]
const KEPT: &str = "kept";

impl Uploads {
    /// Keeps files in this storage. Default: a [`Disk`](crate::storage::Disk), the folder `kept` in that of the uploads.
    /// One on the same file system as the uploads costs nothing: a file that is kept is moved there and not copied.
    ///
    /// ```no_run
    /// use fluxstack_live::{Uploads, storage::Disk};
    /// let uploads = Uploads::at("var/uploads").storage(Disk::at("var/files").unwrap());
    /// ```
    pub fn storage(mut self, storage: impl Storage) -> Self {
        self.storage = Some(Arc::new(storage));
        self
    }

    /// Says who else may read a file that was kept for one user: besides that user, and whoever has a link. Asked with
    /// every request for such a file of somebody else; nobody may be signed in.
    ///
    /// ```no_run
    /// use fluxstack_live::Uploads;
    /// let uploads = Uploads::at("var/uploads").may_read(|_, user| user.is_some_and(|user| user.has_role("support")));
    /// ```
    pub fn may_read(
        mut self,
        rule: impl Fn(&FileRequest<'_>, Option<&Identity>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.may_read = Some(Arc::new(rule));
        self
    }

    /// The files that are kept, if this server can keep any. From now on it is settled where.
    ///
    /// # Errors
    /// If the folder for them cannot be used.
    pub(crate) fn files(&mut self, keys: Keys) -> Result<Option<Files>, StorageError> {
        #[cfg(feature = "files")]
        if self.storage.is_none() {
            self.storage = Some(Arc::new(crate::storage::Disk::at(self.folder.join(KEPT))?));
        }
        let Some(storage) = &self.storage else { return Ok(None) };
        Ok(Some(Files::new(Arc::clone(storage), keys, self.may_read.take())))
    }
}

impl UploadedFile {
    /// Keeps it for everybody who knows its address, which nobody can guess. Browsers may keep it for a year: it never
    /// changes.
    ///
    /// # Errors
    /// [`Code::UploadNoSpace`] if there is no room where files are kept, [`Code::Internal`] if that fails otherwise; the
    /// file is then where it was.
    pub async fn keep_public(self) -> Result<KeptFile> {
        self.keep(None).await
    }

    /// Keeps it for one user, and for whoever is given a [link](Files::link).
    ///
    /// # Errors
    /// As [`UploadedFile::keep_public`].
    pub async fn keep_for(self, user: &Identity) -> Result<KeptFile> {
        self.keep(Some(user.id())).await
    }

    async fn keep(self, owner: Option<&str>) -> Result<KeptFile> {
        let Some(storage) = self.desk.room().storage.clone() else {
            return Err(Error::internal(
                "this server keeps no files: give it a storage, `Uploads::storage(…)`",
            ));
        };
        let keeping = |source| Keeping {
            source,
            name: self.name(),
            content_type: self.content_type(),
            size: self.size(),
            sha256: self.sha256(),
        };
        // One that came straight to the storage is there already, unless somebody removed it meanwhile.
        let stored = self.desk.room().take_stored(self.id(), self.sha256());
        let mut kept = Err(StorageError::NotFound);
        if let Some(key) = &stored {
            kept = keep(&*storage, owner, keeping(Source::Stored(key))).await;
        }
        if matches!(kept, Err(StorageError::NotFound)) {
            kept = keep(&*storage, owner, keeping(Source::File(self.path()))).await;
        } else if let (Err(_), Some(key)) = (&kept, stored) {
            self.desk.room().put_stored_back(self.id(), key, self.sha256());
        }
        let kept = kept.map_err(|error| match error {
            StorageError::Full => Error::new(Code::UploadNoSpace, "there is no room left: try again later"),
            StorageError::NotFound => Error::not_found("the file is not there any more"),
            other => Error::internal(other),
        })?;
        *self.kept_at() = Some(kept.url.as_str().into());
        self.let_go().await;
        Ok(kept)
    }
}
