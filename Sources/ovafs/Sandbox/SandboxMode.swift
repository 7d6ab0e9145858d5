// How much of the sandbox a mount insists on.
// SPDX-License-Identifier: Apache-2.0

/// The values of `sandbox=`.
enum SandboxMode: String, CaseIterable, Codable {
    /// The server keeps what it was started with.
    case off
    /// The layers that the kernel has; `stats.json` says which.
    case auto
    /// All layers, or no mount.
    case require
}

/// One layer of the sandbox, as `stats.json` names it.
enum SandboxLayer: String, CaseIterable, Codable {
    /// No program that it starts, and no file, gives it more rights than it has.
    case noNewPrivileges
    /// Capabilities are given up.
    case capabilities
    /// Its memory is written to no core file, and shown to no other program of its user.
    case coreDumps
    /// Files: Landlock.
    case files
    /// Ports that it may connect to: Landlock.
    case ports
    /// System calls: seccomp.
    case systemCalls
}
