use bytes::Bytes;
use fluxstack_live_protocol::InstanceId;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
#[derive(Clone)]
pub struct Record {
    pub version: u64,
    pub expires: u64,
    pub bytes: Bytes,
}
pub trait Store: Send + Sync + 'static {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>>;
    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>>;
    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>>;
    fn is_durable(&self) -> bool;
    fn secret(&self) -> Option<[u8; 32]>;
    fn close(&self) -> Boxed<'_, ()>;
}
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("newer")]
    Newer { kept: u64 },
    #[error("closed")]
    Closed,
}
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<InstanceId, Record>>>);
impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }
}
impl Store for MemoryStore {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut m = self.0.lock().unwrap();
            if let Some(k) = m.get(&id) {
                if k.version > record.version {
                    return Err(StoreError::Newer { kept: k.version });
                }
            }
            m.insert(id, record);
            Ok(())
        })
    }
    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().get(&id).cloned()) })
    }
    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.0.lock().unwrap().remove(&id);
            Ok(())
        })
    }
    fn is_durable(&self) -> bool {
        false
    }
    fn secret(&self) -> Option<[u8; 32]> {
        None
    }
    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}
