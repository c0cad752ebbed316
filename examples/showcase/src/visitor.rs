//! Who visits: the name they go by, which is theirs to choose, and who signed in with it.

use fluxstack_live::auth::Credentials;
use fluxstack_live::prelude::*;

/// Somebody, as the others see them.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    /// What they call themselves.
    pub name: String,
    /// Whether they may do what moderators may.
    pub moderator: bool,
}

impl Visitor {
    /// The caller. Whoever is signed in goes by the name they signed in with.
    pub(crate) fn of<C: Component>(name: &str, cx: &Cx<C>) -> Result<Self> {
        match cx.user() {
            Ok(user) => Ok(Self { name: user.id().to_owned(), moderator: user.has_role(MODERATOR) }),
            Err(_) => Ok(Self { name: checked(name)?, moderator: false }),
        }
    }
}

/// The role of those who keep order.
const MODERATOR: &str = "moderator";

/// Who shows these credentials: whoever they say. **This is a demonstration, and proves nothing**: anybody may be
/// anybody, and whoever calls themselves `admin` is a moderator. An application looks here at a password, or at a
/// token that it has given out itself.
pub(crate) async fn believe(credentials: Credentials) -> Result<Option<Identity>> {
    let Some(name) = credentials.payload()["name"].as_str() else { return Ok(None) };
    let name = checked(name).map_err(|_| Error::new(Code::Invalid, "a name has 1 to 24 characters"))?;
    let is_moderator = name == "admin";
    let identity = Identity::new(name);
    Ok(Some(if is_moderator { identity.role(MODERATOR) } else { identity }))
}

/// A name that fits everywhere it is shown.
fn checked(name: &str) -> Result<String> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(Error::invalid("name", "what shall the others call you?")),
        1..=24 => Ok(name.to_owned()),
        _ => Err(Error::invalid("name", "at most 24 characters")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn anybody_may_be_anybody_and_the_admin_is_a_moderator() {
        async fn asked(credentials: serde_json::Value) -> Result<Option<Identity>> {
            believe(Credentials::message(credentials, None)).await
        }
        let ada = asked(json!({ "name": "Ada" })).await.unwrap().unwrap();
        assert_eq!((ada.id(), ada.has_role(MODERATOR)), ("Ada", false));
        assert!(asked(json!({ "name": "admin" })).await.unwrap().unwrap().has_role(MODERATOR));
        assert!(asked(json!({})).await.unwrap().is_none());
        assert!(asked(json!({ "name": " " })).await.is_err());
    }

    #[test]
    fn a_name_is_neither_empty_nor_a_novel() {
        assert_eq!(checked("  Ada ").unwrap(), "Ada");
        assert!(checked(" ").is_err());
        assert!(checked(&"a".repeat(25)).is_err());
    }
}
