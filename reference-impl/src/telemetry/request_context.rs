//! What was being done when something went wrong: the request, whose it is, and which file it is about (feature 39).
//!
//! It belongs to the task that handles the request, so that no error needs to be told.

use std::cell::RefCell;

use serde_json::Value;

/// The request that is being handled.
#[derive(Debug, Default)]
struct RequestContext {
    method: String,
    path: String,
    user_id: Option<String>,
    file_id: Option<String>,
}

tokio::task_local! {
    static CURRENT: RefCell<RequestContext>;
}

/// Runs `work` as the handling of this request.
pub async fn within<F: Future>(method: &str, path: &str, work: F) -> F::Output {
    let context = RequestContext { method: method.to_owned(), path: path.to_owned(), ..RequestContext::default() };
    CURRENT.scope(RefCell::new(context), work).await
}

/// From now on the request is known to be this user's.
pub fn of_user(id: &str) {
    let _ = CURRENT.try_with(|context| context.borrow_mut().user_id = Some(id.to_owned()));
}

/// From now on the request is known to be about this file.
pub fn about_file(id: &str) {
    let _ = CURRENT.try_with(|context| context.borrow_mut().file_id = Some(id.to_owned()));
}

/// What is known by now, as fields of a log line.
pub fn fields() -> Vec<(&'static str, Value)> {
    let fields = CURRENT.try_with(|context| {
        let context = context.borrow();
        let known = [
            ("user_id", context.user_id.clone()),
            ("file_id", context.file_id.clone()),
            ("method", Some(context.method.clone())),
            ("path", Some(context.path.clone())),
        ];
        known.into_iter().filter_map(|(name, value)| Some((name, value?.into()))).collect()
    });
    fields.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_learnt_of_a_request_stays_with_it() {
        let known = within("GET", "/d1", async {
            of_user("u1");
            about_file("d1");
            fields()
        });
        let expected = [("user_id", "u1"), ("file_id", "d1"), ("method", "GET"), ("path", "/d1")];
        assert_eq!(known.await, expected.map(|(name, value)| (name, Value::from(value))));
        of_user("nobody");
        assert!(fields().is_empty());
    }
}
