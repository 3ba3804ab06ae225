//! The description of the API, made from the handlers and the shapes.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, License, OpenApi, OpenApiBuilder};

use super::reference;
use crate::app::App;
use crate::error::Problem;

mod errors;

/// What stands above the routes.
pub fn base() -> OpenApi {
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".into());
    let info = InfoBuilder::new()
        .title("Althing")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("openapi.md")))
        .license(Some(license))
        .build();
    let tag = |(name, about): &(&str, &str)| {
        TagBuilder::new()
            .name(*name)
            .description(Some(*about))
            .build()
    };
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(TAGS.iter().map(tag).collect::<Vec<_>>()))
        .build()
}

/// What the routes are about, in the order in which a newcomer needs them.
const TAGS: &[(&str, &str)] = &[
    (
        "Orgs",
        "An org owns apps. The operator of the host makes orgs.",
    ),
    (
        "Apps",
        "An app is a world of its own: its users, channels, messages and plugins meet those of no other.",
    ),
    ("Sessions", "Tokens with which an app's users come in."),
    ("Users", "The people of an app, under the app's own ids."),
    ("Channels", "Where messages are, and what happens in them."),
    ("Participants", "Who is in a channel, and as what."),
    ("Messages", "Sent, read, edited, deleted."),
    (
        "Files",
        "Uploaded, shown in messages, read by links that hold for a while.",
    ),
    (
        "Plugins in use",
        "What an app's plugins offer its users: buttons, votes, slash commands.",
    ),
    (
        "Review",
        "Messages that a plugin held back until somebody decides.",
    ),
    ("Plugins", "What an app's plugins are, and how they run."),
];

/// Adds what all operations share: how to authenticate, and what an error looks like.
pub fn finish(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_with(Components::default);
    let schemes = [
        (
            "operator_key",
            "The operator's key, `opk_…`, from the file `operator.key` in the host's data folder.",
        ),
        ("org_key", "A key of an org, `ogk_…`."),
        (
            "server_key",
            "A key of an app's backend, `srk_…`. Works only from the app's allowed addresses.",
        ),
        (
            "user_token",
            "A user's token (JWT), from `POST /v1/sessions` or signed by the app itself.",
        ),
    ];
    for (name, description) in schemes {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(description))
            .build();
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    schemas.push((
        Problem::name().into_owned(),
        <Problem as utoipa::PartialSchema>::schema(),
    ));
    components.schemas.extend(schemas);
    for (path, item) in &mut api.paths.paths {
        let operations = [
            (&mut item.get, false),
            (&mut item.put, false),
            (&mut item.post, true),
            (&mut item.patch, false),
            (&mut item.delete, false),
        ];
        for (operation, is_post) in operations {
            if let Some(operation) = operation {
                name(operation);
                errors::describe(operation, path, is_post);
            }
        }
    }
    api
}

/// Names an operation after its tag and its function: functions of several tags have the same names.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    let words = tag.map(|tag| tag.to_lowercase().replace(' ', "_"));
    if let (Some(tag), Some(function)) = (words, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{function}"));
    }
}

/// The document, and a page to read it.
pub fn routes(document: &OpenApi) -> Router<Arc<App>> {
    let value = serde_json::to_value(document).unwrap_or_default();
    let json: Arc<str> = value.to_string().into();
    let page: Arc<str> = reference::page(&value).into();
    let html = move || {
        let page = page.clone();
        async move {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";
            (
                [
                    (CONTENT_TYPE, "text/html; charset=utf-8"),
                    (CONTENT_SECURITY_POLICY, policy),
                ],
                page.to_string(),
            )
                .into_response()
        }
    };
    Router::new()
        .route(
            "/v1/openapi.json",
            get(move || {
                let json = json.clone();
                async move { ([(CONTENT_TYPE, "application/json")], json.to_string()).into_response() }
            }),
        )
        .route("/v1/docs", get(html.clone()))
        .route("/v1/docs/errors", get(html))
}
