// From a mount's source and options to the sandbox of its server.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import RemoteSources
import SystemPackage

/// What is opened before the sandbox, and what is left in it.
struct SandboxEntrance {
    let plan: SandboxPlan
    /// The source, where it is one of this machine: open, and nothing of it parsed. What is far away is asked for later.
    let located: ApplianceSource?

    /// Reads the user's own settings, and opens a source of this machine.
    /// - Throws: `CommandFailure` where that cannot be.
    init(
        for source: String, cacheFolder: [UInt8]?, user: SandboxUser? = nil, through remote: RemoteSession
    ) throws {
        var plan: SandboxPlan
        try remote.readSettings(for: source)
        if let address = try SourceAddress.parse(source) {
            located = nil
            plan = SandboxPlan(for: address)
        } else if try ImageReference.isCatalogue(source) || ImageReference(source) != nil {
            located = nil
            plan = SandboxPlan(forCloudWith: try remote.cloudConfiguration().security)
        } else {
            let opened = try SourceLocator.locate(source, through: remote)
            located = opened
            plan = SandboxPlan(for: opened, at: try RawArguments.path(source))
        }
        if let folder = cacheFolder { plan.allowCache(at: FilePath(bytes: folder)) }
        plan.user = user
        self.plan = plan
    }

    /// For a command that writes no files: what the system has of it, and no bounds for ports, as such a command has no option
    /// that takes them away.
    func enterForCommand() throws {
        var plan = plan
        plan.ports = nil
        _ = try Sandbox.enter(plan, .auto)
    }
}
