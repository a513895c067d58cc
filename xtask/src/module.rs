//! The compiled module, before it becomes a component: copies and fills of memory stay inside.
//!
//! `memory.copy` and `memory.fill` are calls out of the sandbox for wasmtime, some ten nanoseconds each, and rendering a pass is hundreds of
//! copies of a few bytes. The connector has functions of its own for both (`plugin/connector/src/component/bytes.rs`); here every such
//! instruction becomes a call of them. Leaving the instructions out by a compiler's flag would not do: the standard library comes
//! compiled with them, and its functions would no longer be inlined into code without.
//!
//! Owns the rewriting, and the removal of the exports by which the functions were found.

use anyhow::{Context, Result, anyhow, ensure};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, ExportSection, Instruction, Module};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload};

/// The functions that the connector brings, by the names that they are exported under. The linker exports what has a C name.
const COPY: &str = "memory_copy";
const FILL: &str = "memory_fill";
const COMPARISONS: [&str; 2] = ["memcmp", "bcmp"];

/// Rewrites the module.
pub fn keep_copies_inside(module: &[u8]) -> Result<Vec<u8>> {
    let mut inside = Inside { copy: exported(module, COPY)?, fill: exported(module, FILL)?, defined: 0, itself: false };
    let mut rewritten = Module::new();
    inside
        .parse_core_module(&mut rewritten, Parser::new(0), module)
        .map_err(|error| anyhow!("the module cannot be rewritten: {error}"))?;
    // It would call itself for ever.
    ensure!(!inside.itself, "`{COPY}` or `{FILL}` was compiled to the instruction that it is to replace");
    Ok(rewritten.finish())
}

struct Inside {
    copy: u32,
    fill: u32,
    /// Functions whose body has been seen. The module imports none, so this is the next one's number.
    defined: u32,
    /// One of the two functions holds one of the two instructions.
    itself: bool,
}

impl Reencode for Inside {
    type Error = std::convert::Infallible;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let number = self.defined;
        self.defined += 1;
        if number == self.copy || number == self.fill {
            let mut operators = body.get_operators_reader()?;
            while !operators.eof() {
                self.itself |= matches!(operators.read()?, Operator::MemoryCopy { .. } | Operator::MemoryFill { .. });
            }
        }
        utils::parse_function_body(self, code, body)
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error<Self::Error>> {
        match operator {
            Operator::MemoryCopy { .. } => Ok(Instruction::Call(self.copy)),
            Operator::MemoryFill { .. } => Ok(Instruction::Call(self.fill)),
            other => utils::instruction(self, other),
        }
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        for export in section {
            let export = export?;
            if ![COPY, FILL].contains(&export.name) && !COMPARISONS.contains(&export.name) {
                utils::parse_export(self, exports, export)?;
            }
        }
        Ok(())
    }
}

/// The number of an exported function.
fn exported(module: &[u8], name: &str) -> Result<u32> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(section) = payload? {
            for export in section {
                let export = export?;
                if export.name == name && export.kind == ExternalKind::Func {
                    return Ok(export.index);
                }
            }
        }
    }
    None.with_context(|| format!("the module does not export `{name}`"))
}
