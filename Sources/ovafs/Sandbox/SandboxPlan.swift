// What a server keeps: all that it will need, known before anything of its source is parsed.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import SystemPackage

/// Files, ports and capabilities that a sandbox leaves, and who the process is in it.
struct SandboxPlan {
    /// What may be done with a file, or with all that is beneath a folder.
    enum Access {
        /// Files are read, and folders listed.
        case read
        /// Folders are listed.
        case list
        /// Files are read and written, made and removed.
        case write
    }

    var paths: [(path: FilePath, access: Access)] = []
    /// The TCP ports that it may connect to; nil for any.
    var ports: Set<UInt16>? = []
    /// Whether it talks to anyone over the internet.
    var usesInternet = false
    /// Whether its memory holds secrets, or what is not its user's.
    var holdsSecrets = false
    /// Capabilities that stay where it has them: their numbers.
    var capabilities: Set<UInt8> = []
    /// A folder that is made where it is not there, before it is one of `paths`.
    var madeFolder: FilePath?
    /// The folder that is the package, where it is one.
    var packageFolder: FilePath?
    var user: SandboxUser?

    /// CAP_DAC_READ_SEARCH: reading files of others.
    static let readingCapability: UInt8 = 2

    /// The layers that there are for it.
    var layers: Set<SandboxLayer> {
        var layers = Set(SandboxLayer.allCases)
        if !holdsSecrets && user == nil { layers.remove(.coreDumps) }
        // Without internet there are no sockets for it, which is a matter of system calls.
        if ports == nil || !usesInternet { layers.remove(.ports) }
        return layers
    }

    mutating func allow(_ access: Access, _ paths: String...) {
        self.paths += paths.map { (path: FilePath($0), access: access) }
    }

    mutating func allow(_ access: Access, _ path: FilePath) {
        paths.append((path: path.isEmpty ? "." : path, access: access))
    }
}

/// Who a server is from then on.
struct SandboxUser: Equatable {
    let name: String
    let userID: uid_t
    let groupID: gid_t
}
