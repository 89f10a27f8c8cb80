//! Mock hosts for the sources that read a kernel: nothing here yet.
