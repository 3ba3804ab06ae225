//! The page for a small document, and for the real one.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{errors, page};
use crate::error::Code;

fn small() -> Value {
    let channel = json!({ "$ref": "#/components/schemas/Channel" });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Tiny <b>", "version": "1.0", "description": "What it is.\n\n- one\n- two `<x>`" },
        "tags": [{ "name": "Last", "description": "Nothing in it." }, { "name": "Channels", "description": "Where *messages* are." }],
        "paths": {
            "/v1/channels": { "post": {
                "tags": ["Channels"], "summary": "Make a <channel>", "description": "For `all`.\n\nOr few.",
                "security": [{ "server_key": [] }, { "user_token": [] }],
                "requestBody": { "required": true, "content": { "application/json": { "schema": channel } } },
                "responses": {
                    "201": { "description": "The channel", "content": { "application/json": { "schema": channel } } },
                    "default": { "description": "What went wrong" },
                },
            } },
            "/v1/channels/{channel_id}": { "get": {
                "tags": ["Channels"],
                "parameters": [
                    { "name": "channel_id", "in": "path", "required": true, "schema": { "type": "string" } },
                    { "name": "limit", "in": "query", "schema": { "type": ["null", "integer"] }, "description": "How \"many\"." },
                ],
                "responses": { "204": { "description": "It's there" } },
            } },
        },
        "components": {
            "securitySchemes": { "server_key": { "description": "A key, `srk_…`." } },
            "schemas": { "Channel": {
                "type": "object", "required": ["name", "kind"], "description": "A <channel>.",
                "properties": {
                    "name": { "type": "string", "minLength": 1, "maxLength": 128, "description": "Its name." },
                    "kind": { "type": "string", "enum": ["open", "closed"] },
                    "parent": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Channel" }] },
                    "seats": { "type": "array", "items": { "$ref": "#/components/schemas/Seat" } },
                },
            }, "Seat": { "type": "object", "properties": { "at": { "type": "string", "format": "date-time" } } } },
        },
    })
}

/// Every anchor that the page has, and every one that it links to.
fn anchors(page: &str) -> (Vec<&str>, Vec<&str>) {
    let find = |from: &'static str| {
        page.split(from)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect()
    };
    (find(" id=\""), find("href=\"#"))
}

#[test]
fn a_document_becomes_a_page() {
    let page = page(&small());
    for part in [
        "<title>Tiny &lt;b&gt; API</title>",
        "<p>What it is.</p>\n<ul>\n<li>one</li>\n<li>two <code>&lt;x&gt;</code></li>\n</ul>",
        "<h3><a href=\"#post-v1-channels\">Make a &lt;channel&gt;</a></h3>",
        "<p>For <code>all</code>.</p>\n<p>Or few.</p>",
        "Takes <a class=\"caller\" href=\"#credentials\">server key</a> or <a class=\"caller\" href=\"#credentials\">user token</a>",
        "<code>name</code> <span class=\"type\">string</span> <span class=\"must\">required</span></p>\n<p>Its name.</p>\n\
         <p class=\"bounds\">1 to 128 characters.</p>",
        "One of <code>open</code>, <code>closed</code>.",
        "<a href=\"#schema-channel\">Channel</a> or null",
        "list of <a href=\"#schema-seat\">Seat</a>",
        "<summary>Fields of <code>seats</code></summary>",
        "<code>/v1/channels/<var>{channel_id}</var></code>",
        "<code>limit</code> <span class=\"type\">integer</span></p>\n<p>How &quot;many&quot;.</p>",
        "Anybody may call it.",
        "$ALTHING_URL/v1/channels/lunch ",
        "It&#39;s there. No body.",
        "<span class=\"k\">&quot;kind&quot;</span>: <span class=\"s\">&quot;open&quot;</span>",
    ] {
        assert!(page.contains(part), "{part}\nis not in\n{page}");
    }
    assert!(
        !page.contains("Nothing in it."),
        "a tag without operations is left out"
    );
    for foreign in ["<script", "src=", "url(", "@import", "<link", "http://"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn every_link_leads_somewhere_and_every_anchor_is_one_place() {
    let real = serde_json::to_value(crate::http::document()).unwrap();
    for document in [small(), real, json!({})] {
        let page = page(&document);
        let (ids, links) = anchors(&page);
        let known: HashSet<&str> = ids.iter().copied().collect();
        let twice: Vec<_> = known
            .iter()
            .filter(|id| ids.iter().filter(|other| other == id).count() > 1)
            .collect();
        assert!(twice.is_empty(), "{twice:?} are there twice");
        let dead: HashSet<_> = links.iter().filter(|link| !known.contains(*link)).collect();
        let no_schemes = document["components"]["securitySchemes"].is_null();
        assert!(
            dead.is_empty() || no_schemes && dead.iter().all(|link| **link == "credentials"),
            "{dead:?} lead nowhere"
        );
    }
}

#[test]
fn every_code_is_explained_and_problems_point_to_it() {
    let page = page(&json!({}));
    for code in Code::ALL {
        let explained = errors::explanation(*code);
        let heading = format!(
            "docs/errors.md lacks `{}`, or its status is another there",
            code.as_str()
        );
        assert!(explained.is_some_and(|text| text.len() > 20), "{heading}");
        let kind = crate::error::Error::new(*code, "").problem(None).kind;
        let anchor = kind.split_once('#').unwrap().1;
        assert!(
            page.contains(&format!("id=\"{anchor}\"")),
            "{kind} leads nowhere"
        );
    }
}

#[test]
fn the_real_page_shows_every_route() {
    let document = serde_json::to_value(crate::http::document()).unwrap();
    let page = page(&document);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let id = super::slug(&format!("{method} {path}"));
            assert!(page.contains(&format!("id=\"{id}\"")), "{method} {path}");
        }
    }
}
