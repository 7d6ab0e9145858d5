// What the program tells its caller when it ends.
// SPDX-License-Identifier: Apache-2.0

/// The exit codes of `ovafs`.
enum ExitStatus: Int32 {
    case done = 0
    /// The input is damaged, or a check failed.
    case damaged = 1
    case wrongUsage = 2
    case cannotReadSource = 3
    case cannotMount = 4
}

/// A command that ends early: one line for standard error, and an exit code.
struct CommandFailure: Error {
    let status: ExitStatus
    /// What, where, and what to do next; one line.
    let message: String
}
