// What sources need of their system.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import RemoteSources
import SystemPackage

extension SandboxPlan {
    /// Files that are taken one by one, so that no folder beneath theirs is taken with them.
    private static let mostNeighbours = 4_096

    /// For any server. All of it is the system's, and readable by everyone.
    private mutating func allowSystem() {
        // What the C library opens late: encodings of XML, code for unwinding.
        allow(.read, "/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/lib", "/lib", "/lib64")
        allow(.read, "/nix/store", "/gnu/store", "/etc/ld.so.cache", "/etc/localtime")
        // Processors, memory, its own descriptors and threads, whose folders have numbers that are not known yet: libdispatch
        // ends the program where it cannot read those. What tells of other processes and is not for everyone, Landlock keeps.
        allow(.read, "/proc")
        // Processors again; which devices stand on which.
        allow(.read, "/sys/devices", "/sys/dev", "/sys/fs/cgroup", "/sys/class/bdi")
        allow(.write, "/dev/null", "/dev/fuse")
        allow(.read, "/dev/urandom")
    }

    /// For a source of this machine.
    init(for source: ApplianceSource, at path: FilePath) {
        self.init(ports: [])
        allowSystem()
        switch source {
        case .folder(let folder, _):
            allow(.read, folder)
            packageFolder = folder
            capabilities = [Self.readingCapability]
        case .file(let file, _, _), .remote(let file, _, _, _):
            // The file is open. Its parents and parts are regular files beside it; an archive has its own in it.
            if !Self.isArchive(file) { allowNeighbours(of: path) }
        }
    }

    /// For what is behind an address.
    init(for address: WebAddress) {
        self.init(ports: [])
        allowSystem()
        allowInternet()
        ports = Set([80, 443, 53, address.origin.port] + Self.proxyPorts)
    }

    /// For a cloud: which ports its services have, is known only when it has answered.
    init(forCloudWith security: TransportSecurity) {
        self.init(ports: [])
        allowSystem()
        allowInternet()
        ports = nil
        for path in [security.authoritiesPath, security.certificatePath, security.keyPath] {
            if let path { allow(.read, path) }
        }
    }

    /// A folder to keep things in.
    mutating func allowCache(at path: FilePath) {
        // One in the folder of the package is refused later on, and not made before.
        let parent = path.removingLastComponent()
        let place = (parent.isEmpty ? "." : parent).resolved
        if let package = packageFolder?.resolved, place?.starts(with: package) == true {
            madeFolder = nil
        } else {
            madeFolder = path
        }
        allow(.write, path)
        if Self.isClosed(path.removingLastComponent()) { capabilities = [Self.readingCapability] }
    }

    private mutating func allowInternet() {
        usesInternet = true
        holdsSecrets = true
        // Names, authorities and where they lead; files of /etc are replaced while a mount lives.
        allow(.read, "/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager")
        allow(.read, "/var/lib/ca-certificates")
        for path in ["/etc/resolv.conf", "/etc/ssl/certs", "/etc/ssl/cert.pem"] {
            if let target = FilePath(path).resolved { allow(.read, target) }
        }
        for name in ["CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF"] {
            if let path = TransportSecurity.processVariable(name) { allow(.read, path) }
        }
        // The user's passwords for hosts.
        if let home = TransportSecurity.processVariable("HOME") { allow(.read, "\(home)/.netrc") }
        // What comes in one piece is kept in a file without a name.
        allow(.write, "/var/tmp")
        capabilities = [Self.readingCapability]
    }

    /// Ports of the proxies that the environment names, as curl reads it.
    private static var proxyPorts: [UInt16] {
        ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].flatMap { name -> [UInt16] in
            guard let text = TransportSecurity.processVariable(name) else { return [] }
            let authority = text.split(separator: "//").last?.split(separator: "/").first ?? ""
            let host = authority.split(separator: "@").last ?? ""
            // Without a number, curl takes 1080.
            return [host.split(separator: ":").last.flatMap { UInt16($0) } ?? 1080]
        }
    }

    /// Whether a file has the mark of a tar archive where its first header has it: what the other bytes are is not asked.
    private static func isArchive(_ file: any ByteSource) -> Bool {
        let mark = Array("ustar".utf8)
        return (try? file.bytes(mark.count, at: 257)) == mark
    }

    /// The regular files in the folder of `path`, and a listing of it; of a folder that has too many, all beneath it.
    private mutating func allowNeighbours(of path: FilePath) {
        let folder = path.removingLastComponent()
        let names = Self.names(in: folder.isEmpty ? "." : folder)
        if Self.isClosed(folder) { capabilities = [Self.readingCapability] }
        allow(.list, folder)
        guard names.count <= Self.mostNeighbours else {
            allow(.read, folder)
            capabilities = [Self.readingCapability]
            return
        }
        for name in names {
            let file = folder.appending(name)
            guard let status = try? FileStatus.at(file, followingLink: false),
                status.st_mode & S_IFMT == S_IFREG
            else { continue }
            allow(.read, file)
            // Root without capabilities reads its own files, and those that everyone may read.
            if status.st_uid != getuid(), status.st_mode & 0o004 == 0 {
                capabilities = [Self.readingCapability]
            }
        }
    }

    /// Whether the way to a folder, from the root on, leads through one that only its owner, another user, may enter.
    private static func isClosed(_ folder: FilePath) -> Bool {
        guard var path = (folder.isEmpty ? "." : folder).resolved else { return false }
        repeat {
            guard let status = try? FileStatus.at(path) else { return true }
            if status.st_uid != getuid(), status.st_mode & 0o005 != 0o005 { return true }
        } while path.removeLastComponent()
        return false
    }

    /// Names in a folder, one more than count at most.
    private static func names(in folder: FilePath) -> [FilePath.Component] {
        guard let list = unsafe folder.withPlatformString({ unsafe opendir($0) }) else { return [] }
        defer { unsafe _ = closedir(list) }
        var names: [FilePath.Component] = []
        while names.count <= mostNeighbours, let entry = unsafe readdir(list) {
            let bytes = unsafe withUnsafeBytes(of: entry.pointee.d_name) { field in
                unsafe Array(field.prefix { $0 != 0 })
            }
            if let name = FilePath(bytes: bytes).lastComponent, name.kind == .regular { names.append(name) }
        }
        return names
    }
}
