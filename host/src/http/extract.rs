//! Decoding of requests, strict: the type must be JSON, unknown fields are refused, and each fault
//! names its field.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::chat::access::Caller;
use crate::error::{Code, Error, FieldFault, Result};

/// A JSON body.
pub struct Json<T>(pub T);

/// A JSON body that may be absent.
pub struct MaybeJson<T>(pub T);

/// Query parameters.
pub struct Query<T>(pub T);

/// Path parameters. One that can't be an id names nothing: `not_found`.
pub struct Path<T>(pub T);

/// Who asks.
pub struct By(pub Caller);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Error::new(
                Code::UnsupportedMediaType,
                "The body must be `application/json`.",
            ));
        }
        let body = bytes(request, usize::MAX).await?;
        parse(&body).map(Json)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if request.headers().get(CONTENT_TYPE).is_none() {
            let body = bytes(request, 0).await;
            return match body {
                Ok(_) => Ok(MaybeJson(T::default())),
                Err(_) => Err(Error::new(
                    Code::UnsupportedMediaType,
                    "The body must be `application/json`.",
                )),
            };
        }
        Json::from_request(request, state)
            .await
            .map(|Json(value)| MaybeJson(value))
    }
}

/// The whole body, at most `max` bytes and what the host takes at all.
pub async fn bytes(request: Request, max: usize) -> Result<bytes::Bytes> {
    let collected = Limited::new(request.into_body(), max).collect().await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
            while let Some(error) = cause {
                if error.is::<LengthLimitError>() {
                    return Error::new(Code::TooLarge, "The body is too large.");
                }
                cause = error.source();
            }
            Error::new(Code::Malformed, "The body could not be read.")
        })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        if !error.is_data() {
            return Error::new(Code::Malformed, format!("The body is not JSON: {error}."));
        }
        // Once more, to learn where the fault is.
        let json = &mut serde_json::Deserializer::from_slice(body);
        let path = serde_path_to_error::deserialize::<_, T>(json)
            .err()
            .map(|e| e.path().to_string());
        fault(path.unwrap_or_default(), &error.to_string())
    })
}

/// What serde says, about the field that it says it of.
fn fault(path: String, said: &str) -> Error {
    let said = said.split(" at line ").next().unwrap_or(said);
    let quoted = said.split('`').nth(1);
    let parent = if path == "." || path.is_empty() {
        String::new()
    } else {
        path.clone()
    };
    let field = match quoted {
        // These two speak of a field within the object that the path leads to.
        Some(name) if said.starts_with("missing field") && !parent.is_empty() => {
            format!("{parent}.{name}")
        }
        Some(name)
            if said.starts_with("missing field")
                || said.starts_with("unknown field") && parent.is_empty() =>
        {
            name.to_owned()
        }
        _ if parent.is_empty() => "body".to_owned(),
        _ => parent,
    };
    Error::invalid_fields(vec![FieldFault {
        field,
        message: said.to_owned(),
    }])
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Query(query)),
            Err(rejection) => {
                let said = rejection.body_text();
                let said = said
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&said);
                let (field, message) = said.split_once(": ").unwrap_or(("query", said));
                let field = said
                    .split('`')
                    .nth(1)
                    .filter(|_| said.starts_with("unknown field"))
                    .unwrap_or(field);
                Err(Error::invalid(field, message))
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Path(path)),
            Err(rejection) => Err(Error::not_found("thing").because(rejection)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .map(By)
            .ok_or_else(|| Error::new(Code::Unauthenticated, "A credential is needed."))
    }
}

/// `limit` and `next` of a list.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items, 1 to 100; 50 if absent. More is refused, not cut.
    pub limit: Option<i64>,
    /// The cursor that the page before gave.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "name")]
        _name: String,
        #[serde(rename = "inner", default)]
        _inner: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "n")]
        _n: i64,
    }

    fn faulty(body: &str) -> (Code, String) {
        let error = parse::<Outer>(body.as_bytes()).unwrap_err();
        let field = error
            .problem(None)
            .errors
            .first()
            .map(|fault| fault.field.clone());
        (error.code(), field.unwrap_or_default())
    }

    #[test]
    fn each_fault_names_its_field() {
        assert_eq!(faulty("{"), (Code::Malformed, String::new()));
        assert_eq!(faulty("{}"), (Code::Invalid, "name".into()));
        assert_eq!(faulty(r#"{"name":1}"#), (Code::Invalid, "name".into()));
        assert_eq!(
            faulty(r#"{"name":"a","extra":1}"#),
            (Code::Invalid, "extra".into())
        );
        assert_eq!(
            faulty(r#"{"name":"a","inner":[{"n":1},{}]}"#),
            (Code::Invalid, "inner[1].n".into())
        );
        assert_eq!(
            faulty(r#"{"name":"a","inner":[{"n":"x"}]}"#),
            (Code::Invalid, "inner[0].n".into())
        );
        assert_eq!(faulty("[]"), (Code::Invalid, "body".into()));
    }
}
