// Giving up what a server does not need.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import SystemPackage

/// What a process has given up, as `stats.json` shows it.
struct Sandbox: Codable, Equatable {
    let mode: SandboxMode
    /// The layers that hold.
    var layers: [SandboxLayer] = []
    /// Those that this kernel, or who started the program, does not let it have, and why.
    var missing: [String] = []
    /// The version of Landlock whose rights are handled; 0 for none.
    var landlockVersion = 0
    /// The TCP ports that can be connected to; nil for any.
    var ports: [UInt16]?
    /// Names of the capabilities that are left.
    var capabilities: [String] = []
    /// The user whose rights the server has.
    var userID = getuid()

    /// The state of one that keeps everything.
    static let none = Sandbox(mode: .off)

    /// Gives up all that `plan` does not name; called when the sources are open and before there are threads. `chosen` are
    /// fewer than all layers for tests that show what each does by itself.
    /// - Returns: What holds.
    /// - Throws: `CommandFailure` where a layer is required and cannot be had, or the process cannot become the plan's user.
    static func enter(
        _ plan: SandboxPlan, _ mode: SandboxMode, only chosen: Set<SandboxLayer> = Set(SandboxLayer.allCases)
    ) throws -> Sandbox {
        var state = Sandbox(mode: mode)
        // Not a layer that may be missing: who asked for it relies on it.
        try plan.user?.become()
        state.userID = getuid()
        guard mode != .off else { return state }
        if let folder = plan.madeFolder { _ = unsafe folder.withPlatformString { unsafe mkdir($0, 0o700) } }
        // Each needs those before it, and forbids what they need.
        let steps: [(SandboxLayer, (inout Sandbox) throws(SandboxObstacle) -> Void)] = [
            (.noNewPrivileges, { _ throws(SandboxObstacle) in try control(PR_SET_NO_NEW_PRIVS, 1) }),
            (.coreDumps, { _ throws(SandboxObstacle) in try control(PR_SET_DUMPABLE, 0) }),
            (.files, { state throws(SandboxObstacle) in try enterLandlock(plan, &state, chosen) }),
            (.capabilities, { _ throws(SandboxObstacle) in try keepCapabilities(of: plan) }),
            (.systemCalls, { _ throws(SandboxObstacle) in try restrictCalls(plan) }),
        ]
        for (layer, step) in steps where chosen.contains(layer) && plan.layers.contains(layer) {
            do throws(SandboxObstacle) {
                try step(&state)
                state.layers.append(layer)
            } catch {
                state.missing.append("\(layer.rawValue): \(error.reason)")
            }
        }
        if chosen.contains(.ports) { state.notePorts(of: plan) }
        state.capabilities = CapabilityName.names(of: ovafs_capabilities())
        guard mode != .require || state.missing.isEmpty else {
            throw CommandFailure(
                status: .cannotMount,
                message: "sandbox=require: this system lacks \(state.missing.joined(separator: "; ")); "
                    + "sandbox=auto does with what there is")
        }
        return state
    }

    private static func control(_ option: CInt, _ value: UInt) throws(SandboxObstacle) {
        guard ovafs_process_control(option, value) == 0 else { throw SandboxObstacle(errno: errno) }
    }

    private static func enterLandlock(
        _ plan: SandboxPlan, _ state: inout Sandbox, _ chosen: Set<SandboxLayer>
    ) throws(SandboxObstacle) {
        let version = Landlock.version
        guard version > 0 else { throw SandboxObstacle("this kernel has no Landlock, or does not permit it") }
        let bounds = chosen.contains(.ports) ? plan.ports : nil
        do throws(SystemError) {
            let ruleset = try Landlock(version: version, handlesConnecting: bounds != nil)
            for (path, access) in plan.paths { ruleset.permit(access, at: path) }
            if version >= Landlock.versionOfPorts, let bounds {
                for port in bounds { ruleset.permit(port: port) }
            }
            try ruleset.enter()
        } catch {
            throw SandboxObstacle(errno: error.errno)
        }
        state.landlockVersion = version
    }

    /// What became of ports, which are of the files' ruleset.
    private mutating func notePorts(of plan: SandboxPlan) {
        guard plan.layers.contains(.ports), let bounds = plan.ports else { return }
        if landlockVersion >= Landlock.versionOfPorts {
            layers.append(.ports)
            ports = bounds.sorted()
        } else {
            missing.append(
                "\(SandboxLayer.ports.rawValue): Landlock has to be of version \(Landlock.versionOfPorts), and is "
                    + (landlockVersion == 0 ? "not there" : "of version \(landlockVersion)"))
        }
    }

    private static func keepCapabilities(of plan: SandboxPlan) throws(SandboxObstacle) {
        let kept = plan.capabilities.reduce(UInt64(0)) { $0 | UInt64(1) << UInt64($1) }
        guard ovafs_keep_capabilities(kept) == 0 else { throw SandboxObstacle(errno: errno) }
    }

    private static func restrictCalls(_ plan: SandboxPlan) throws(SandboxObstacle) {
        guard ovafs_restrict_calls(plan.usesInternet ? 1 : 0) == 0 else {
            throw SandboxObstacle(errno: errno)
        }
    }
}

/// Why a layer cannot be had.
struct SandboxObstacle: Error {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }

    init(errno: CInt) {
        reason = "\(SystemError(errno: errno))"
    }
}

extension SandboxUser {
    /// Makes this process the user's for good.
    /// - Throws: `CommandFailure` where that is refused.
    func become() throws {
        guard unsafe initgroups(name, groupID) == 0, setgid(groupID) == 0, setuid(userID) == 0,
            getuid() == userID, geteuid() == userID, getgid() == groupID, userID == 0 || setuid(0) != 0
        else {
            throw CommandFailure(
                status: .cannotMount,
                message: "run_as=\(name): cannot become this user: \(SystemError(errno: errno))")
        }
    }
}

/// Names of capabilities(7), as far as a server has any.
enum CapabilityName {
    private static let known: [UInt64: String] = [
        0: "chown", 1: "dac_override", 2: "dac_read_search", 3: "fowner", 5: "kill", 6: "setgid", 7: "setuid",
        12: "net_admin", 19: "sys_ptrace", 21: "sys_admin",
    ]

    static func names(of mask: UInt64) -> [String] {
        (0..<64).filter { mask >> $0 & 1 == 1 }.map { known[$0] ?? "\($0)" }
    }
}
