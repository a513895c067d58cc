//! Guests that mean harm, written in the text format so that every instruction is known.

use std::time::{Duration, Instant};

use passerelle_flow::plugin::setup::Parts;
use passerelle_flow::ports::SandboxFailure;

use super::load::{self, Imports, LoadError};
use super::meter::{Limits, TICK};
use super::runtime::Engine;
use super::turns::Capacity;

mod damaged;
mod hostile;
mod turns;

const LIMITS: Limits = Limits {
    cpu: Duration::from_millis(50),
    wall: Duration::from_secs(20),
    memory: 8 << 20,
    output: 64 << 10,
    parts: Parts::MOST,
};

fn engine() -> Engine {
    Engine::new(Capacity { calls: 4, patience: Duration::from_millis(20) }).unwrap()
}

/// A component with one core module that exports `run`, lifted as a function without parameters.
fn guest(module: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m {module})
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).unwrap()
}

async fn run(engine: &Engine, limits: &Limits, wasm: &[u8]) -> Result<(), SandboxFailure> {
    let pre = load::load(engine, wasm, Imports::None).unwrap();
    let call = engine.call(limits, async |store| {
        let instance = pre.instantiate_async(&mut *store).await?;
        let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
        run.call_async(store, ()).await
    });
    call.await
}

#[tokio::test]
async fn a_guest_that_does_its_work_and_returns_is_answered() {
    let engine = engine();
    assert_eq!(run(&engine, &LIMITS, &guest(r#"(func (export "run"))"#)).await, Ok(()));
}

#[tokio::test]
async fn an_endless_loop_ends_within_its_processor_time_wherever_it_is() {
    let engine = engine();
    for module in [
        r#"(func (export "run") (loop br 0))"#,
        r#"(func $start (loop br 0)) (start $start) (func (export "run"))"#,
        // Recursion without a loop: the check at function entries must see it.
        r#"(func $f (export "run") (call $g) (call $g) (call $g)) (func $g (call $h) (call $h) (call $h) (call $h))
           (func $h (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const -1)))))"#,
    ] {
        let began = Instant::now();
        assert_eq!(run(&engine, &LIMITS, &guest(module)).await, Err(SandboxFailure::Cpu), "{module}");
        // Ticks are counted while the guest runs, so a busy machine only makes it longer; ten times is still no hang.
        assert!(began.elapsed() < (LIMITS.cpu + TICK * 2) * 10 + Duration::from_secs(5), "{module}");
    }
}

#[tokio::test]
async fn other_tasks_of_the_same_thread_run_while_a_guest_loops() {
    let engine = engine();
    let wasm = guest(r#"(func (export "run") (loop br 0))"#);
    let limits = Limits { cpu: Duration::from_secs(3600), ..LIMITS };
    // The guest never ends by itself here: it is the other task's turn that ends the test, and dropping the call that ends the guest.
    let other = async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = run(&engine, &limits, &wasm) => panic!("ended with {answer:?}"),
        () = other => {}
    }
}

#[tokio::test]
async fn the_wall_clock_ends_a_guest_that_has_processor_time_left() {
    let engine = engine();
    let limits = Limits { cpu: Duration::from_secs(3600), wall: Duration::from_millis(30), ..LIMITS };
    let wasm = guest(r#"(func (export "run") (loop br 0))"#);
    assert_eq!(run(&engine, &limits, &wasm).await, Err(SandboxFailure::TimedOut));
}

#[tokio::test]
async fn memory_is_counted_over_growth_initial_sizes_tables_and_several_memories() {
    let engine = engine();
    for module in [
        // Page by page, then in one step, then from the start. 8 MiB are 128 pages.
        r#"(memory 1) (func (export "run") (loop (drop (memory.grow (i32.const 1))) br 0))"#,
        r#"(memory 1) (func (export "run") (drop (memory.grow (i32.const 200))))"#,
        r#"(memory 129) (func (export "run"))"#,
    ] {
        assert_eq!(run(&engine, &LIMITS, &guest(module)).await, Err(SandboxFailure::Memory), "{module}");
    }
    let two = wat::parse_str(
        r#"(component
            (core module $big (memory 70))
            (core module $m (func (export "run")))
            (core instance (instantiate $big))
            (core instance (instantiate $big))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    assert_eq!(run(&engine, &LIMITS, &two.unwrap()).await, Err(SandboxFailure::Memory));
    let tables = Limits { memory: 400_000, ..LIMITS };
    let table = guest(r#"(table 90000 funcref) (func (export "run"))"#);
    assert_eq!(run(&engine, &tables, &table).await, Err(SandboxFailure::Memory));
}

#[tokio::test]
async fn a_guest_may_ask_for_more_than_its_own_maximum_and_is_told_no() {
    let engine = engine();
    let wasm = guest(
        r#"(memory 1 2) (func (export "run") (if (i32.ne (memory.grow (i32.const 9999)) (i32.const -1)) (then unreachable)))"#,
    );
    assert_eq!(run(&engine, &LIMITS, &wasm).await, Ok(()));
}

#[tokio::test]
async fn a_table_grows_to_its_own_maximum_and_no_further_and_a_call_ends_at_the_hosts() {
    let engine = engine();
    let own = guest(
        r#"(table $t 1 9 funcref)
           (func (export "run") (if (i32.ne (table.grow $t (ref.null func) (i32.const 200000)) (i32.const -1)) (then unreachable)))"#,
    );
    assert_eq!(run(&engine, &LIMITS, &own).await, Ok(()));
    let grows =
        guest(r#"(table $t 1 funcref) (func (export "run") (drop (table.grow $t (ref.null func) (i32.const 1000))))"#);
    assert_eq!(run(&engine, &LIMITS, &grows).await, Ok(()));
    let few = Limits { parts: Parts { table_elements: 1000, ..Parts::MOST }, ..LIMITS };
    assert_eq!(run(&engine, &few, &grows).await, Err(SandboxFailure::Memory));
}

#[tokio::test]
async fn handles_of_a_components_own_resources_are_counted() {
    let engine = engine();
    let wasm = wat::parse_str(
        r#"(component
            (type $r (resource (rep i32)))
            (core func $new (canon resource.new $r))
            (core module $m
              (import "own" "new" (func $new (param i32) (result i32)))
              (func (export "run") (local i32)
                (loop
                  (drop (call $new (i32.const 1)))
                  (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 300))))))
            (core instance $own (export "new" (func $new)))
            (core instance $i (instantiate $m (with "own" (instance $own))))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    let wasm = wasm.unwrap();
    assert_eq!(run(&engine, &LIMITS, &wasm).await, Ok(()));
    let few = Limits { parts: Parts { handles: 256, ..Parts::MOST }, ..LIMITS };
    // wasmtime has no type for it, so it is told as any other breach.
    assert_eq!(run(&engine, &few, &wasm).await, Err(SandboxFailure::Aborted));
}

#[tokio::test]
async fn a_trap_is_a_panic_and_the_next_call_is_not_touched_by_it() {
    let engine = engine();
    for module in [
        r#"(func (export "run") unreachable)"#,
        r#"(func (export "run") (drop (i32.div_u (i32.const 1) (i32.const 0))))"#,
        r#"(memory 1) (func (export "run") (drop (i32.load (i32.const -8))))"#,
        r#"(func $f (export "run") (call $f))"#,
    ] {
        assert_eq!(run(&engine, &LIMITS, &guest(module)).await, Err(SandboxFailure::Panicked), "{module}");
    }
    // What one call writes, the next does not find: the second would trap.
    let wasm = guest(
        r#"(memory 1) (global $g (mut i32) (i32.const 0))
           (func (export "run")
             (if (i32.or (global.get $g) (i32.load (i32.const 4096))) (then unreachable))
             (global.set $g (i32.const 1)) (i32.store (i32.const 4096) (i32.const 1)))"#,
    );
    for _ in 0..8 {
        assert_eq!(run(&engine, &LIMITS, &wasm).await, Ok(()));
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_never_copied() {
    let engine = engine();
    let wasm = wat::parse_str(
        r#"(component
            (core module $m
              (memory (export "memory") 32)
              (func (export "run") (result i32)
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (i32.const 1000000))
                (i32.const 0)))
            (core instance $i (instantiate $m))
            (func (export "run") (result (list u8)) (canon lift (core func $i "run") (memory $i "memory"))))"#,
    );
    let pre = load::load(&engine, &wasm.unwrap(), Imports::None).unwrap();
    let call = |limits: Limits| {
        let (engine, pre) = (&engine, &pre);
        async move {
            let call = engine.call(&limits, async |store| {
                let instance = pre.instantiate_async(&mut *store).await?;
                let run = instance.get_typed_func::<(), (Vec<u8>,)>(&mut *store, "run")?;
                run.call_async(store, ()).await
            });
            call.await.map(|(bytes,)| bytes.len())
        }
    };
    assert_eq!(call(LIMITS).await, Err(SandboxFailure::Aborted));
    assert_eq!(call(Limits { output: 2_000_000, ..LIMITS }).await, Ok(1_000_000));
}

#[tokio::test]
async fn a_call_without_a_turn_is_refused_after_its_patience() {
    let engine = Engine::new(Capacity { calls: 1, patience: Duration::from_millis(20) }).unwrap();
    let wasm = guest(r#"(func (export "run"))"#);
    let (hold, held) = tokio::sync::oneshot::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel::<()>();
    let first = engine.call(&LIMITS, async |_| {
        let _ = entered.send(());
        let _ = held.await;
        Ok(())
    });
    let second = async {
        inside.await.unwrap();
        let refused = run(&engine, &LIMITS, &wasm).await;
        hold.send(()).unwrap();
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first, second), (Ok(()), Err(SandboxFailure::Busy)));
    // The turn came back.
    assert_eq!(run(&engine, &LIMITS, &wasm).await, Ok(()));
}

#[test]
fn what_may_not_run_is_refused_at_load_in_one_sentence() {
    let engine = engine();
    let refused = |wasm: &[u8]| load::load(&engine, wasm, Imports::None).map(drop).unwrap_err();

    let imports = wat::parse_str(r#"(component (import "wasi:cli/exit@0.2.0" (instance)))"#).unwrap();
    assert!(matches!(refused(&imports), LoadError::Imports(name) if name == "wasi:cli/exit@0.2.0"));
    let core = wat::parse_str("(module)").unwrap();
    assert!(matches!(refused(&core), LoadError::CoreModule));
    let machine_code = engine.wasmtime().precompile_component(&guest(r#"(func (export "run"))"#)).unwrap();
    assert!(matches!(refused(&machine_code), LoadError::Precompiled));
    assert!(matches!(refused(b"PK\x03\x04 a zip file"), LoadError::NotWasm));
    assert!(matches!(refused(b""), LoadError::NotWasm));
    assert!(matches!(refused(&vec![0; load::SIZE + 1]), LoadError::TooLarge(_)));
    let whole = guest(r#"(func (export "run"))"#);
    assert!(matches!(refused(&whole[..whole.len() - 3]), LoadError::Refused(_)));
    let memory64 = guest(r#"(memory i64 1) (func (export "run"))"#);
    assert!(matches!(refused(&memory64), LoadError::Refused(_)));
    // More instances than a slot of the pool has.
    let many = format!(
        r#"(component (core module $m (memory 1)) {})"#,
        "(core instance (instantiate $m))".repeat(Parts::MOST.memories as usize + 1)
    );
    assert!(matches!(refused(&wat::parse_str(many).unwrap()), LoadError::Refused(_)));

    for error in [LoadError::TooLarge(1), LoadError::NotWasm, LoadError::Precompiled, LoadError::CoreModule] {
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn a_component_of_another_world_is_not_a_connector() {
    let wasm = guest(r#"(func (export "run"))"#);
    assert!(matches!(super::Sandbox::load(&engine(), &wasm), Err(LoadError::World(_))));
}
