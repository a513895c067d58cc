//! The guest of the host's own tests: each path does one thing that a test then looks at from outside.
//!
//! Answers are plain text, a fact a line. It never judges anything itself.

#![allow(clippy::print_stdout, clippy::panic, reason = "what it prints, and how it ends, is what the tests look at")]

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http_body_util::BodyExt as _;
use spin_sdk::http::{EmptyBody, HeaderMap, HeaderValue, IntoResponse, Request, Response, StatusCode, send};
use spin_sdk::http_service;
use spin_sdk::sqlite::Value;
use spin_sdk::sqlite::wit::sqlite::Connection;

spin_sdk::wit_bindgen::generate!({
    inline: "
        package probe:guest;
        world guest { import probe:arithmetic/sum@0.1.0; }
        package probe:arithmetic@0.1.0 {
            interface sum { add: func(a: u32, b: u32) -> u32; }
        }
    ",
    world: "probe:guest/guest",
    runtime_path: "spin_sdk::wit_bindgen::rt",
    generate_all,
});

thread_local! {
    /// Which instance this is.
    static INSTANCE: u64 = RandomState::new().hash_one(0u8);
    /// How many requests it has seen.
    static SEEN: Cell<u32> = const { Cell::new(0) };
}

type Answer = (StatusCode, String);

/// Each answer says which instance gave it, and as which of its requests.
#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let seen = SEEN.with(|seen| {
        seen.set(seen.get() + 1);
        seen.get()
    });
    let (status, body) = answer(request).await;
    let mut headers = HeaderMap::new();
    headers.insert("x-instance", HeaderValue::from(INSTANCE.with(|instance| *instance)));
    headers.insert("x-seen", HeaderValue::from(seen));
    (status, headers, body)
}

async fn answer(request: Request) -> Answer {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (name, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    match name {
        "echo" => echo(request).await,
        "hello" => ok("hello"),
        "add" => ok(add(&query)),
        "sqlite" => sqlite(rest, &query).await,
        "variable" => match spin_sdk::variables::get(rest).await {
            Ok(value) => ok(value),
            Err(error) => (StatusCode::NOT_FOUND, format!("{error:?}")),
        },
        "environment" => ok(std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect::<String>()),
        "read" => match std::fs::read_to_string(format!("/{rest}")) {
            Ok(text) => ok(text),
            Err(error) => (StatusCode::NOT_FOUND, error.to_string()),
        },
        "write" => match std::fs::write(format!("/{rest}"), "written") {
            Ok(()) => ok("written"),
            Err(error) => (StatusCode::FORBIDDEN, error.to_string()),
        },
        "clock" => ok(clock()),
        "say" => {
            println!("to stdout: {query}");
            eprintln!("to stderr: {query}");
            ok("said")
        }
        "fetch" => fetch(&query).await,
        "fetch-p2" => fetch_p2(&query),
        "later" => {
            spin_sdk::wasip3::spawn(async move {
                let (status, body) = fetch(&query).await;
                println!("afterwards: {status} {body}");
            });
            ok("answered")
        }
        "alone" => {
            spin_sdk::wit_bindgen::backpressure_inc();
            let answer = fetch(&query).await;
            spin_sdk::wit_bindgen::backpressure_dec();
            answer
        }
        "trap" => panic!("this instance ends here"),
        _ => (StatusCode::NOT_FOUND, format!("the probe does not know {path}")),
    }
}

fn ok(text: impl ToString) -> Answer {
    (StatusCode::OK, text.to_string())
}

async fn echo(request: Request) -> Answer {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => length += frame.data_ref().map_or(0, bytes::Bytes::len),
            Err(error) => return (StatusCode::BAD_REQUEST, format!("{error:?}")),
        }
    }
    _ = writeln!(text, "body: {length}");
    ok(text)
}

fn add(query: &str) -> u32 {
    let mut numbers = query.split('+').filter_map(|number| number.parse().ok());
    probe::arithmetic::sum::add(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn clock() -> String {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let began = Instant::now();
    format!("{wall} {}", began.elapsed().as_secs())
}

/// The URL is the query as it stands; the answer is its status and its body, or the error by name.
async fn fetch(url: &str) -> Answer {
    let Ok(request) = spin_sdk::http::Request::get(url).body(EmptyBody::new()) else {
        return (StatusCode::BAD_REQUEST, "not a URL".to_owned());
    };
    match send(request).await {
        Ok(response) => read(response).await,
        Err(code) => (StatusCode::BAD_GATEWAY, format!("{code:?}")),
    }
}

/// The same by the older interface, which Rust's standard library and other languages still bring along.
fn fetch_p2(url: &str) -> Answer {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

    let fetched = || -> Result<String, ErrorCode> {
        let uri: spin_sdk::http::Uri = url.parse().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
        let request = OutgoingRequest::new(Fields::new());
        _ = request.set_scheme(Some(&Scheme::Http));
        _ = request.set_authority(uri.authority().map(|authority| authority.as_str()));
        _ = request.set_path_with_query(uri.path_and_query().map(|path| path.as_str()));
        let future = handle(request, None)?;
        future.subscribe().block();
        let Some(Ok(response)) = future.get() else { return Err(ErrorCode::InternalError(None)) };
        let body = response?.consume().map_err(|()| ErrorCode::InternalError(None))?;
        let stream = body.stream().map_err(|()| ErrorCode::InternalError(None))?;
        let mut bytes = Vec::new();
        while let Ok(chunk) = stream.blocking_read(4096) {
            bytes.extend(chunk);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match fetched() {
        Ok(body) => ok(body),
        Err(code) => (StatusCode::BAD_GATEWAY, format!("{code:?}")),
    }
}

async fn read(response: Response) -> Answer {
    let status = response.status();
    match response.into_body().collect().await {
        Ok(body) => (status, String::from_utf8_lossy(&body.to_bytes()).into_owned()),
        Err(code) => (StatusCode::BAD_GATEWAY, format!("{code:?}")),
    }
}

async fn sqlite(what: &str, query: &str) -> Answer {
    match what {
        "transaction" => told(transaction(query)),
        "begin-and-trap" => {
            _ = begin(query);
            panic!("in the middle of a transaction")
        }
        "select" => told(select(query)),
        "other" => match Connection::open("other") {
            Ok(_) => ok("open"),
            Err(error) => ok(format!("{error:?}")),
        },
        "streamed" => streamed().await,
        _ => (StatusCode::NOT_FOUND, "no such statement".to_owned()),
    }
}

fn told(result: Result<String, spin_sdk::sqlite::Error>) -> Answer {
    match result {
        Ok(text) => ok(text),
        Err(error) => (StatusCode::CONFLICT, format!("{error:?}")),
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, word TEXT UNIQUE, data BLOB, weight REAL)";

fn begin(word: &str) -> Result<Connection, spin_sdk::sqlite::Error> {
    let connection = Connection::open("default")?;
    connection.execute(TABLE, &[])?;
    connection.execute("BEGIN IMMEDIATE", &[])?;
    let values = [Value::Text(word.to_owned()), Value::Blob(vec![0, 255]), Value::Real(0.5)];
    connection.execute("INSERT INTO t (word, data, weight) VALUES (?1, ?2, ?3)", &values)?;
    Ok(connection)
}

/// Several calls, one transaction.
fn transaction(word: &str) -> Result<String, spin_sdk::sqlite::Error> {
    let connection = begin(word)?;
    let rowid = connection.last_insert_rowid();
    let changes = connection.changes();
    connection.execute("COMMIT", &[])?;
    Ok(format!("rowid {rowid} changes {changes}"))
}

fn select(statement: &str) -> Result<String, spin_sdk::sqlite::Error> {
    let connection = Connection::open("default")?;
    let statement = statement.replace("%20", " ");
    let result = connection.execute(&statement, &[])?;
    let mut text = result.columns.join(",");
    for row in result.rows {
        _ = write!(text, "\n{:?}", row.values);
    }
    Ok(text)
}

async fn streamed() -> Answer {
    let result = async {
        let connection = spin_sdk::sqlite::Connection::open_default().await?;
        let mut rows = connection
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n",
                [],
            )
            .await?;
        let mut sum = 0;
        while let Some(row) = rows.next().await {
            sum += row.get::<i64>(0).unwrap_or(0);
        }
        rows.result().await?;
        Ok(format!("{} {}", sum, connection.changes().await))
    };
    told(result.await)
}
