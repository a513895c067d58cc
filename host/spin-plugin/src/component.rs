//! The export: `wasi:http/handler`, which the edge calls once per hook.

use bytes::Bytes;
use http::StatusCode;
use passerelle_contract::tenant::{
    choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload,
};
use passerelle_flow::plugin::hook::{Event, HookCall, Returned, Turn};
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{FullBody, IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wit_bindgen::{backpressure_dec, backpressure_inc};

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    // A trap ends the instance and every call in it: with backpressure up, the host gives the next call to another one.
    backpressure_inc();
    let (status, body) = answer(request).await;
    backpressure_dec();
    (status, FullBody::new(body))
}

async fn answer(request: Request) -> (StatusCode, Bytes) {
    // The edge writes it, and nobody else can: it is as long as what the edge has read already.
    let Ok(body) = request.into_body().bytes().await else { return (StatusCode::BAD_REQUEST, Bytes::new()) };
    let Ok(call) = serde_json::from_slice::<HookCall>(&body) else { return (StatusCode::BAD_REQUEST, Bytes::new()) };
    match serde_json::to_vec(&called(call)) {
        Ok(answer) => (StatusCode::OK, Bytes::from(answer)),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
    }
}

fn called(HookCall { call, event }: HookCall) -> Returned {
    match event {
        Event::ChooseTemplate(candidate) => choose_template::choose(&call, &candidate).map(Turn::from),
        Event::ShapePayload(subject) => shape_payload::shape(&call, &subject).map(Turn::from),
        Event::OnPassInstalled(event) => on_pass_installed::notify(&call, &event).map(Turn::from),
        Event::OnPassUninstalled(event) => on_pass_uninstalled::notify(&call, &event).map(Turn::from),
        Event::OnOrderChanged(event) => on_order_changed::notify(&call, &event).map(Turn::from),
    }
}
