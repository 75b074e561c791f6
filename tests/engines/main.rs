//! Every operation of every engine against its naive definition, with one test function per engine.

mod cases;
mod naive;
