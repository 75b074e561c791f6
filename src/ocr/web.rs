//! The boundary to JavaScript: the module that reads pictures has this alone.
