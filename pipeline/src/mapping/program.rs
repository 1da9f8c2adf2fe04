//! From text to a compiled program, with bounds on what the text may ask for. Deliberately absent:
//! warnings; a program with an unused expression works.

use std::thread;

use vrl::compiler::{CompileConfig, Program, TypeState, compile_with_state};
use vrl::diagnostic::{DiagnosticList, Severity};
use vrl::parser::ast::{
    Assignment, AssignmentTarget, Block, Container, Expr, FunctionCall, Literal, Predicate,
};
use vrl::parser::ast::{Query, QueryTarget, RootExpr, Unary};
use vrl::path::{OwnedSegment, OwnedValuePath};

use super::{MappingProblem, MappingProblems, PROGRAM_BYTES_MAX, STACK_BYTES, function};

/// How deep expressions may nest; an operator is a level, so this is also how many terms one sum may
/// have. Compiling and running recurse by it.
const DEPTH_MAX: usize = 128;

/// How many steps a path like `.a.b[0]` may have.
const PATH_STEPS_MAX: usize = 64;

/// The largest index in a path. Assigning behind the end of an array fills it up to there.
const PATH_INDEX_MAX: isize = 10_000;

/// Assignments in a program. The compiler notes the type of every field at each of them, so time grows
/// with their square: about 0.2 s for so many.
const ASSIGNMENTS_MAX: usize = 1_000;

/// Dots and brackets in a row without a space, and brackets that are open at once, wherever they
/// stand. The lexer's time grows with the square of both, before anything else can look at them.
const UNBROKEN_MAX: usize = 1_000;

/// Problems that are told at once.
const PROBLEMS_MAX: usize = 50;

pub(super) fn compile(source: &str) -> Result<Program, MappingProblems> {
    if source.len() > PROGRAM_BYTES_MAX {
        return Err(at_start(format!("the program is longer than {} KiB", PROGRAM_BYTES_MAX / 1024)));
    }
    if unbroken(source) > UNBROKEN_MAX {
        return Err(at_start(TOO_DEEP.to_owned()));
    }
    // The parser does not bound nesting, and what follows it recurses.
    thread::scope(|scope| {
        thread::Builder::new()
            .name("mapping-compile".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || compile_here(source))
            .map_err(|error| at_start(format!("the program can't be compiled now: {error}")))?
            .join()
            .unwrap_or_else(|_panic| Err(at_start("the compiler can't cope with this program".to_owned())))
    })
}

fn compile_here(source: &str) -> Result<Program, MappingProblems> {
    // The compiler reports what does not parse, better than we could here.
    if let Ok(tree) = vrl::parser::parse(source) {
        let mut bounds = Bounds { assignments: 0 };
        for expression in tree {
            let start = expression.span().start();
            if let RootExpr::Expr(node) = expression.into_inner() {
                bounds.expression(node.into_inner(), DEPTH_MAX).map_err(|message| {
                    let (line, column) = position(source, start);
                    MappingProblems(vec![MappingProblem { message: message.to_owned(), line, column }])
                })?;
            }
        }
    }
    compile_with_state(source, &function::allowed(), &TypeState::default(), CompileConfig::default())
        .map(|result| result.program)
        .map_err(|diagnostics| problems(source, diagnostics))
}

fn problems(source: &str, diagnostics: DiagnosticList) -> MappingProblems {
    let mut problems = Vec::new();
    for diagnostic in diagnostics {
        if !matches!(diagnostic.severity(), Severity::Error | Severity::Bug) || problems.len() == PROBLEMS_MAX
        {
            continue;
        }
        let primary = diagnostic.labels().iter().find(|label| label.primary).or(diagnostic.labels().first());
        let (line, column) = primary.map_or((1, 1), |label| position(source, label.span.start()));
        let mut message = diagnostic.message().to_owned();
        for label in diagnostic.labels() {
            if !label.message.is_empty() && !message.contains(&label.message) {
                message.push_str(": ");
                message.push_str(&label.message);
            }
        }
        problems.push(MappingProblem { message, line, column });
    }
    if problems.is_empty() {
        return at_start("the program does not compile".to_owned());
    }
    MappingProblems(problems)
}

fn at_start(message: String) -> MappingProblems {
    MappingProblems(vec![MappingProblem { message, line: 1, column: 1 }])
}

/// Line and column, from 1, of a byte offset.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(source.len());
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    let before = &source[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

type Bounded = Result<(), &'static str>;

const TOO_DEEP: &str = "the expression is nested too deeply";
const TOO_MANY: &str = "the program has more than 1000 assignments";
const TOO_FAR: &str = "the path has too many steps or too large an index";

/// Takes the tree apart, as its arrays and objects can only be read so.
struct Bounds {
    assignments: usize,
}

impl Bounds {
    fn expression(&mut self, expression: Expr, depth: usize) -> Bounded {
        let depth = depth.checked_sub(1).ok_or(TOO_DEEP)?;
        match expression {
            Expr::Literal(literal) => match literal.into_inner() {
                // Becomes a sum with a term for each part.
                Literal::String(template) if template.0.len() > depth => Err(TOO_DEEP),
                _ => Ok(()),
            },
            Expr::Container(container) => self.container(container.into_inner(), depth),
            Expr::IfStatement(statement) => {
                let statement = statement.into_inner();
                match statement.predicate.into_inner() {
                    Predicate::One(expression) => self.expression(expression.into_inner(), depth)?,
                    Predicate::Many(expressions) => {
                        for expression in expressions {
                            self.expression(expression.into_inner(), depth)?;
                        }
                    }
                }
                self.block(statement.if_node.into_inner(), depth)?;
                statement.else_node.map_or(Ok(()), |block| self.block(block.into_inner(), depth))
            }
            Expr::Op(operation) => {
                let operation = operation.into_inner();
                self.expression(operation.0.into_inner(), depth)?;
                self.expression(operation.2.into_inner(), depth)
            }
            Expr::Assignment(assignment) => {
                self.assignments += 1;
                if self.assignments > ASSIGNMENTS_MAX {
                    return Err(TOO_MANY);
                }
                match assignment.into_inner() {
                    Assignment::Single { target, expr, .. } => {
                        self.target(target.into_inner(), depth)?;
                        self.expression(expr.into_inner(), depth)
                    }
                    Assignment::Infallible { ok, err, expr, .. } => {
                        self.target(ok.into_inner(), depth)?;
                        self.target(err.into_inner(), depth)?;
                        self.expression(expr.into_inner(), depth)
                    }
                }
            }
            Expr::Query(query) => self.query(query.into_inner(), depth),
            Expr::FunctionCall(call) => self.call(call.into_inner(), depth),
            Expr::Unary(unary) => {
                let Unary::Not(not) = unary.into_inner();
                self.expression(not.into_inner().take().1.into_inner(), depth)
            }
            Expr::Abort(abort) => abort
                .into_inner()
                .message
                .map_or(Ok(()), |message| self.expression(message.into_inner(), depth)),
            Expr::Return(result) => self.expression(result.into_inner().expr.into_inner(), depth),
            Expr::Variable(_) | Expr::Break(_) => Ok(()),
        }
    }

    fn container(&mut self, container: Container, depth: usize) -> Bounded {
        match container {
            Container::Group(group) => self.expression(group.into_inner().into_inner().into_inner(), depth),
            Container::Block(block) => self.block(block.into_inner(), depth),
            Container::Array(array) => {
                array.into_inner().into_iter().try_for_each(|item| self.expression(item.into_inner(), depth))
            }
            Container::Object(object) => object
                .into_inner()
                .into_iter()
                .try_for_each(|(_, field)| self.expression(field.into_inner(), depth)),
        }
    }

    fn block(&mut self, block: Block, depth: usize) -> Bounded {
        block
            .into_inner()
            .into_iter()
            .try_for_each(|expression| self.expression(expression.into_inner(), depth))
    }

    fn query(&mut self, query: Query, depth: usize) -> Bounded {
        bounded_path(&query.path)?;
        match query.target.into_inner() {
            QueryTarget::FunctionCall(call) => self.call(call, depth),
            QueryTarget::Container(container) => {
                self.container(container, depth.checked_sub(1).ok_or(TOO_DEEP)?)
            }
            QueryTarget::Internal(_) | QueryTarget::External(_) => Ok(()),
        }
    }

    fn call(&mut self, call: FunctionCall, depth: usize) -> Bounded {
        let depth = depth.checked_sub(1).ok_or(TOO_DEEP)?;
        for argument in call.arguments {
            self.expression(argument.into_inner().expr.into_inner(), depth)?;
        }
        call.closure.map_or(Ok(()), |closure| self.block(closure.into_inner().block.into_inner(), depth))
    }

    fn target(&mut self, target: AssignmentTarget, depth: usize) -> Bounded {
        match target {
            AssignmentTarget::Query(query) => self.query(query, depth),
            AssignmentTarget::Internal(_, Some(path)) => bounded_path(&path),
            AssignmentTarget::External(Some(path)) => bounded_path(&path.path),
            AssignmentTarget::Noop
            | AssignmentTarget::Internal(_, None)
            | AssignmentTarget::External(None) => Ok(()),
        }
    }
}

fn bounded_path(path: &OwnedValuePath) -> Bounded {
    let far = path.segments.iter().any(|segment| {
        matches!(segment, OwnedSegment::Index(index) if !(-PATH_INDEX_MAX..=PATH_INDEX_MAX).contains(index))
    });
    if far || path.segments.len() > PATH_STEPS_MAX { Err(TOO_FAR) } else { Ok(()) }
}

/// The larger of the longest run of dots and brackets without a space, and the deepest nesting of
/// brackets; texts and comments count too, as telling them apart is the lexer's work.
fn unbroken(source: &str) -> usize {
    let (mut run, mut open, mut most) = (0_usize, 0_usize, 0_usize);
    for byte in source.bytes() {
        match byte {
            b'.' => run += 1,
            b'[' | b'(' | b'{' => (run, open) = (run + 1, open + 1),
            b']' | b')' | b'}' => open = open.saturating_sub(1),
            byte if byte.is_ascii_whitespace() => run = 0,
            _ => {}
        }
        most = most.max(run).max(open);
    }
    most
}
