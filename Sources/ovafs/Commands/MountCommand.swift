// `ovafs mount`: shows a package or a disk image as a directory.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import FileTree
import FuseServer
import Glibc
import Logging

struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Mount a package or a disk image on a directory.",
        discussion: """
            Returns when the mount can be used. Unmount with umount(8) or fusermount3 -u. Options (-o): \
            allow_other, uid=N, gid=N, umask=OCTAL, ctldir=visible|hidden, lenient, verify=none|manifest, cache_size=SIZE (64M), \
            threads=N, cache=kernel|none, auto_unmount, log=FILE|syslog|stderr, ro.
            """)

    @Argument(help: "An OVA, an .ovf or the folder that holds it, or a disk image.", completion: .file())
    var source: String

    @Argument(help: "The directory to mount on.", completion: .directory)
    var directory: String

    @Option(
        name: .short, parsing: .singleValue,
        help: ArgumentHelp("Mount options, separated by commas.", valueName: "options"))
    var o: [String] = []

    @Flag(name: .shortAndLong, help: "Stay in the foreground.")
    var foreground = false

    @Option(help: .hidden)
    var readyDescriptor: Int32?

    func run() throws {
        let options = try MountOptions(o)
        let mountPoint = try absoluteDirectory()
        guard foreground || readyDescriptor != nil else {
            Glibc.exit(try BackgroundLaunch.run(RawArguments.all))
        }
        let background = readyDescriptor.map(BackgroundServer.init(readyDescriptor:))
        let log = try (options.log ?? (background == nil ? .standardError : .systemLog)).logger()
        let appliance = try Appliance.open(source, options: applianceOptions(options), words: .mount)
        defer { appliance.stopPrefetching() }
        if options.verifiesManifest { try verify(appliance, options) }
        for problem in appliance.problems {
            let line = OptionWords.mount.message(problem.message, problem.remedy)
            StandardError.write("warning: \(line)")
            if background != nil { log.warning("\(source): \(line)") }
        }
        try serve(appliance, at: mountPoint, options, log: log) { background?.mountIsUsable() }
    }

    /// Checks every digest of the manifest before anything is shown.
    private func verify(_ appliance: Appliance, _ options: MountOptions) throws {
        let results = appliance.checkManifest(threadCount: options.threadCount ?? ProcessorCount.current)
        guard let results else {
            throw CommandFailure(
                status: .damaged,
                message: "\(source): verify=manifest, and there is no manifest; use verify=none")
        }
        let report = VerificationReport(of: appliance, members: results, certificate: nil, disks: [])
        guard let wrong = report.members.first(where: { $0.state == .bad || $0.state == .unreadable }) else {
            return
        }
        throw CommandFailure(
            status: .damaged,
            message: "\(source): \(wrong.name.text): \(wrong.details.joined(separator: ", ")); not mounted")
    }

    private func serve(
        _ appliance: Appliance, at mountPoint: String, _ options: MountOptions, log: Logger,
        whenUsable: @escaping @Sendable () -> Void
    ) throws {
        var session = SessionOptions(
            sourceName: source, userID: options.userID ?? getuid(), groupID: options.groupID ?? getgid())
        session.allowsOtherUsers = options.allowsOtherUsers
        session.umask = options.umask
        session.cacheMode = options.cacheMode
        session.unmountsWhenServerDies = options.unmountsWhenServerDies
        let statistics = ServerStatistics()
        let tree = ApplianceTree.make(
            for: appliance, showsControlDirectory: options.controlDirectoryIsVisible,
            liveStatistics: { MountStatistics(of: appliance, served: statistics).json() })
        let server = FuseServer(tree: tree, options: session, statistics: statistics, log: log)
        do throws(MountError) {
            try server.serve(at: mountPoint, whenUsable: whenUsable)
        } catch {
            throw CommandFailure(status: .cannotMount, message: error.description)
        }
    }

    private func applianceOptions(_ options: MountOptions) -> ApplianceOptions {
        var result = ApplianceOptions()
        result.isLenient = options.isLenient
        result.cacheByteLimit = options.cacheByteLimit
        result.prefetchThreadCount = options.threadCount ?? ProcessorCount.current
        return result
    }

    /// The mount point without links, so that it can be unmounted from anywhere.
    private func absoluteDirectory() throws -> String {
        guard let resolved = unsafe realpath(directory, nil) else {
            throw failure("cannot mount on \(directory): \(unsafe String(cString: strerror(errno)))")
        }
        // SAFETY: realpath's result is a C string of our own.
        defer { unsafe free(resolved) }
        var status = stat()
        guard unsafe stat(resolved, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw failure("cannot mount on \(directory): it is not a directory")
        }
        return unsafe String(cString: resolved)
    }

    private func failure(_ message: String) -> CommandFailure {
        CommandFailure(status: .cannotMount, message: message)
    }
}
