//! Whether one stream says everything that is needed to read it.

use crate::check::texts::{self, Names};
use crate::check::{
    content, headers, incremental, pages, paging, params, partition, rate, response, schedule,
    schemas,
};
use crate::{Attributes, ConnectorDocument, Diagnostic, RequestMethod, SourceSpec, UrlParams};

pub(super) fn check(
    document: &ConnectorDocument,
    source: &SourceSpec,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    schemas::check(&source.spec, &format!("{at}/spec"), out);
    params::secrets(&source.spec, &format!("{at}/spec"), out);
    if source.is_generic() {
        return;
    }
    let (stream_at, at) = (at, format!("{at}/attributes"));
    let names = Names::of(document, source);
    let attributes = &source.attributes;
    match &attributes.url_params {
        Some(url) => check_url(
            url,
            &names,
            document.is_fragment(),
            &format!("{at}/urlParams"),
            out,
        ),
        None => out.push(crate::judge::missing(&at, "urlParams")),
    }
    let request = texts::of(attributes, &at);
    let window = texts::of_schedule(attributes, &at);
    for text in request.iter().chain(&window) {
        names.check(text, out);
    }
    let at_headers = format!("{at}/headerParams");
    headers::check(&attributes.header_params, &at_headers, out);
    check_body(attributes, &format!("{at}/bodyParams"), out);
    content::check(source, &at, out);
    check_paging(source, &at, out);
    pages::check(source, &at, out);
    response::check(attributes, &names, &at, out);
    response::check_format(attributes, &at, out);
    schedule::check(attributes.schedule_params.as_ref(), &request, &at, out);
    incremental::check(source, &at, out);
    rate::check(attributes.rate_params.as_ref(), &at, out);
    let texts: Vec<_> = request.into_iter().chain(window).collect();
    paging::check_range_name(document, source, &texts, &at, out);
    partition::check(document, source, &texts, &at, out);
    // What was reported of the request may be why a parameter is not used.
    let is_whole = attributes.url_params.is_some();
    let is_misspelt = |d: &Diagnostic| matches!(d.code, "E-placeholder" | "E-template");
    if is_whole && !out.iter().any(is_misspelt) {
        params::unused(document, source, &texts, stream_at, out);
    }
}

fn check_paging(source: &SourceSpec, at: &str, out: &mut Vec<Diagnostic>) {
    let method = source.attributes.url_params.as_ref().map(|url| url.method);
    match &source.attributes.pagination_params {
        Some(params) => {
            paging::check(params, &format!("{at}/paginationParams"), out);
            paging::check_tokens(params, method, &format!("{at}/paginationParams"), out);
        }
        None if source.declares("paginationParams") => {}
        None => out.push(Diagnostic::lint(
            "L-no-pagination",
            at,
            "there are no `paginationParams`, so one response is read",
        )),
    }
}

fn check_url(
    url: &UrlParams,
    names: &Names<'_>,
    is_fragment: bool,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    match &url.host {
        Some(host) => check_host(host, &format!("{at}/host"), out),
        // Adobe lets the host be a parameter; a fragment gets it from its connection.
        None if names.declares_host() => {}
        None if is_fragment => out.push(Diagnostic::lint(
            "L-no-host",
            at,
            "there is no `host`; the connection must give it",
        )),
        None => out.push(
            Diagnostic::error("E-missing-key", at, "`urlParams` lacks the key `host`")
                .with_hint("write it, or declare the parameter `host`"),
        ),
    }
    if url.path.starts_with("//") || url.path.contains("://") {
        let message = format!("the path `{}` names a host of its own", url.path);
        out.push(
            Diagnostic::error("E-path", format!("{at}/path"), message)
                .with_hint("put it into `urlParams.host`"),
        );
    }
}

fn check_host(host: &str, at: &str, out: &mut Vec<Diagnostic>) {
    if !["http://", "https://", "${"]
        .iter()
        .any(|start| host.starts_with(start))
    {
        let (fault, bare) = match host.split_once("://") {
            Some((_, bare)) => ("has a scheme that is neither `http` nor `https`", bare),
            None => ("has no scheme", host),
        };
        let message = format!("the host `{host}` {fault}");
        out.push(
            Diagnostic::error("E-host", at, message).with_hint(format!("write `https://{bare}`")),
        );
    }
}

fn check_body(attributes: &Attributes, at: &str, out: &mut Vec<Diagnostic>) {
    let url = attributes.url_params.as_ref();
    if attributes.body_params.is_some() && url.is_some_and(|url| url.method == RequestMethod::Get) {
        out.push(
            Diagnostic::lint(
                "L-get-body",
                at,
                "a GET has no body, so `bodyParams` is not sent",
            )
            .with_hint("did you mean `method`: `POST`?"),
        );
    }
}
