// Files and ports, by Landlock.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import SystemPackage

/// A ruleset that is being made: what it does not permit is forbidden once it is entered.
/// Spec: landlock(7).
struct Landlock: ~Copyable {
    /// What the kernel offers; 0 for nothing.
    static var version: Int { Int(ovafs_landlock_version()) }

    /// From this version on, ports and scopes are handled.
    static let versionOfPorts = 4
    private static let versionOfScopes = 6

    private let ruleset: CInt
    /// The rights on files that this version handles.
    private let handled: UInt64

    private static let execute: UInt64 = 1 << 0
    private static let writeFile: UInt64 = 1 << 1
    private static let readFile: UInt64 = 1 << 2
    private static let readFolder: UInt64 = 1 << 3
    private static let removeFolder: UInt64 = 1 << 4
    private static let removeFile: UInt64 = 1 << 5
    private static let makeFolder: UInt64 = 1 << 7
    private static let makeFile: UInt64 = 1 << 8
    private static let refer: UInt64 = 1 << 13
    private static let truncate: UInt64 = 1 << 14
    private static let control: UInt64 = 1 << 15
    /// Rights that a rule on a file may have; the others are those of folders.
    private static let ofFiles = execute | writeFile | readFile | truncate | control
    private static let connect: UInt64 = 1 << 1
    private static let bind: UInt64 = 1 << 0

    /// Where `handlesConnecting`, connecting to TCP ports is forbidden but for those that are permitted.
    /// - Throws: `SystemError`
    init(version: Int, handlesConnecting: Bool) throws(SystemError) {
        let bitCount = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13
        let handled = UInt64(1) << UInt64(bitCount) - 1
        let ports = version < Self.versionOfPorts ? 0 : Self.bind | (handlesConnecting ? Self.connect : 0)
        // No signals to, and no abstract sockets of, those outside.
        let scopes: UInt64 = version < Self.versionOfScopes ? 0 : 3
        let ruleset = ovafs_landlock_create(CInt(clamping: version), handled, ports, scopes)
        guard ruleset >= 0 else { throw SystemError(errno: errno) }
        self.handled = handled
        self.ruleset = ruleset
    }

    deinit {
        close(ruleset)
    }

    /// Permits `access` to what is at `path`; what is not there, or may not be reached, stays forbidden.
    func permit(_ access: SandboxPlan.Access, at path: FilePath) {
        let place = unsafe path.withPlatformString { unsafe open($0, ovafs_open_path_only | O_CLOEXEC) }
        guard place >= 0 else { return }
        defer { close(place) }
        var status = stat()
        guard unsafe fstat(place, &status) == 0 else { return }
        var rights: UInt64 =
            switch access {
            case .list: Self.readFolder
            case .read: Self.readFile | Self.readFolder
            case .write:
                Self.readFile | Self.readFolder | Self.writeFile | Self.removeFolder | Self.removeFile
                    | Self.makeFolder | Self.makeFile | Self.refer | Self.truncate | Self.control
            }
        if status.st_mode & S_IFMT != S_IFDIR { rights &= Self.ofFiles }
        _ = ovafs_landlock_permit_file(ruleset, rights & handled, place)
    }

    func permit(port: UInt16) {
        _ = ovafs_landlock_permit_port(ruleset, Self.connect, UInt64(port))
    }

    /// - Throws: `SystemError`
    func enter() throws(SystemError) {
        guard ovafs_landlock_enter(ruleset) == 0 else { throw SystemError(errno: errno) }
    }
}
