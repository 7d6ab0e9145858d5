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
    init(for source: String, _ options: MountOptions, through remote: RemoteSession) throws {
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
        if let folder = options.cacheFolder { plan.allowCache(at: FilePath(bytes: folder)) }
        plan.user = options.user
        self.plan = plan
    }
}
