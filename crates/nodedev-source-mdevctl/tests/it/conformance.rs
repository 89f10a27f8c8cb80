//! The clauses of the source contract, over two hosts.

mod odd;
mod real;
