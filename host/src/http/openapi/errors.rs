//! Which errors an operation may answer with. That follows from what it takes, so no route repeats it.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use crate::error::{Code, Problem};

/// Those of every operation with a credential.
const ANY: &[Code] = &[
    Code::Malformed,
    Code::Unauthenticated,
    Code::TokenExpired,
    Code::Forbidden,
    Code::AddressNotAllowed,
    Code::OriginNotAllowed,
    Code::UserDeactivated,
    Code::RateLimited,
    Code::Internal,
    Code::Overloaded,
    Code::Unavailable,
];
const WITH_BODY: &[Code] = &[
    Code::Timeout,
    Code::TooLarge,
    Code::UnsupportedMediaType,
    Code::Invalid,
];
/// Any POST takes an `Idempotency-Key`.
const OF_POST: &[Code] = &[
    Code::Conflict,
    Code::IdempotencyConflict,
    Code::IdempotencyInProgress,
];

/// Adds the errors to an operation's answers, by status.
pub fn describe(operation: &mut Operation, path: &str, is_post: bool) {
    let has_query = operation
        .parameters
        .iter()
        .flatten()
        .any(|one| matches!(one, RefOr::T(one) if one.parameter_in == ParameterIn::Query));
    let sets = [
        (true, ANY),
        (path.contains('{'), &[Code::NotFound][..]),
        (operation.request_body.is_some(), WITH_BODY),
        (has_query, &[Code::BadCursor, Code::Invalid]),
        (is_post, OF_POST),
    ];
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in sets
        .iter()
        .filter(|(is, _)| *is)
        .flat_map(|(_, codes)| *codes)
    {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    let answers = &mut operation.responses.responses;
    for (status, codes) in by_status {
        let names: Vec<String> = codes
            .iter()
            .map(|code| format!("`{}`", code.as_str()))
            .collect();
        answers.insert(status.to_string(), RefOr::T(problem(&names.join(", "))));
    }
    // A plugin or a limit may have its own.
    answers.insert("default".into(), RefOr::T(problem("What went wrong")));
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(Problem::name()))));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}
