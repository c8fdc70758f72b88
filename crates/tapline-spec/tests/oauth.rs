//! What documents say about OAuth: read as published, planned without any value.

use serde_json::{Value, json};
use tapline_spec::{
    AuthPlan, ClientAuthentication, OAuth2Grant, OAuth2Plan, Param, Params, check, plan,
};

/// A document whose only way to sign in has this type, these parameters and these `oauthParams`.
fn document(kind: &str, declared: &[&str], fixed: Option<Value>) -> String {
    let properties: Value = declared
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "type": "string" })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut way = json!({
        "name": "way", "type": kind,
        "spec": { "type": "object", "properties": properties }
    });
    if let Some(fixed) = fixed {
        way["oauthParams"] = fixed;
    }
    let stream = json!({ "attributes": {
        "urlParams": { "host": "https://api.example.com", "path": "/items" },
        "contentPath": { "path": "$.items" }
    }});
    json!({ "id": "shop", "authSpec": [way], "streams": { "items": stream } }).to_string()
}

fn planned(text: &str, given: &[(&str, &str)]) -> OAuth2Plan {
    let param = |text: &str| Param::Plain(text.to_owned());
    let params: Params = given.iter().map(|(k, v)| (*k, param(v))).collect();
    let checked = check(text);
    let Some(document) = checked.document else {
        panic!("{:?}", checked.diagnostics)
    };
    match plan(&document, "items", None, &params) {
        Ok(planned) => match planned.plan.auth {
            AuthPlan::OAuth2(plan) => plan,
            other => panic!("{other:?}"),
        },
        Err(found) => panic!("{found:?}"),
    }
}

fn texts(plan: &OAuth2Plan) -> Vec<String> {
    plan.token_urls.iter().map(ToString::to_string).collect()
}

const CLIENT: [&str; 3] = ["clientId", "clientSecret", "tokenEndpoint"];

#[test]
fn the_published_spellings_mean_the_types() {
    fn check(kind: &str, declared: &[&str], grant: OAuth2Grant, urls: &[&str]) {
        let plan = planned(&document(kind, declared, None), &[]);
        assert_eq!(
            (plan.grant, texts(&plan)),
            (grant, urls.iter().map(|u| (*u).to_owned()).collect())
        );
        assert_eq!(plan.client, ClientAuthentication::Body);
    }
    let (client, refresh) = (OAuth2Grant::ClientCredentials, OAuth2Grant::RefreshToken);
    for kind in ["OAuth2ClientCredentials", "OAuth2 Client Credential"] {
        check(kind, &CLIENT, client, &["${tokenEndpoint}"]);
    }
    check("OAuth2RefreshCode", &["accessToken"], refresh, &[]);
    let both = ["refreshToken", "refreshTokenUrl", "accessTokenUrl"];
    let urls = ["${accessTokenUrl}", "${refreshTokenUrl}"];
    check("oAuth2-refresh-code", &both, refresh, &urls);
}

#[test]
fn an_author_may_fix_the_server_and_further_fields() {
    let fixed = json!({
        "tokenUrl": "https://${tenant}.example.com/token",
        "clientAuthentication": "header",
        "fields": { "audience": "https://api.example.com", "scope": "read ${tenant}" }
    });
    let declared = ["clientId", "clientSecret", "tenant", "scope"];
    let text = document("OAuth2ClientCredentials", &declared, Some(fixed));
    let plan = planned(&text, &[("tenant", "t1")]);
    assert_eq!(texts(&plan), ["https://${tenant}.example.com/token"]);
    assert_eq!(plan.client, ClientAuthentication::Header);
    let fields: Vec<(String, String)> = plan
        .fields
        .iter()
        .map(|(name, text)| (name.clone(), text.to_string()))
        .collect();
    let expected = [
        ("audience", "https://api.example.com"),
        ("scope", "read ${tenant}"),
    ];
    assert_eq!(fields, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn what_is_missing_or_of_no_use_is_told() {
    #[track_caller]
    fn told(text: &str, expected: &[&str]) {
        let found = check(text).diagnostics;
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        for part in expected {
            assert!(
                said.iter().any(|line| line.contains(part)),
                "{part}: {said:#?}"
            );
        }
    }
    let client = "OAuth2ClientCredentials";
    told(
        &document(client, &["clientId"], None),
        &[
            "needs the parameter `clientSecret`",
            "needs the parameter `accessTokenUrl` or `refreshTokenUrl` or `tokenEndpoint`",
        ],
    );
    told(
        &document("OAuth2RefreshCode", &["clientId"], None),
        &[
            "needs the parameter `accessToken` or `refreshToken`",
            "`accessTokenUrl`",
        ],
    );
    let fixed = json!({ "tokenUrl": "https://${tennant}/", "fields": { "client_id": "x" } });
    told(
        &document(client, &["clientId", "clientSecret", "tenant"], Some(fixed)),
        &[
            "E-placeholder] at /authSpec/0/oauthParams/tokenUrl",
            "the field `client_id` is made of the parameters",
        ],
    );
    told(
        &document("BearerToken", &["accessToken"], Some(json!({}))),
        &["L-unused] at /authSpec/0/oauthParams"],
    );
    told(
        &document(
            client,
            &CLIENT,
            Some(json!({ "clientAuthentication": "cookie" })),
        ),
        &["/authSpec/0/oauthParams/clientAuthentication"],
    );
}
