// `ovafs mount`: shows a package or a disk image as a directory.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import FileTree
import FuseServer
import Glibc
import Logging
import OVFPackage
import RemoteSources
import SystemPackage

struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Mount a package or a disk image on a directory.",
        discussion: """
            Returns when the mount can be used; the server goes on in the background. 'ovafs unmount DIR' ends it. \
            The directory need not be empty: what is in it is hidden until then.

            Options of -o, in full in ovafs(1): allow_other, uid=USER, gid=GROUP, umask=OCTAL, \
            ctldir=visible|hidden, lenient, links=none|inside, verify=none|manifest, \
            cache_size=SIZE (64M), cache_dir=DIR, cache_dir_size=SIZE (10G), open_memory=SIZE (256M), threads=N, \
            timeout=SECONDS (60), header=@FILE, os_cloud=NAME, record=FILE, replay=FILE, cache=kernel|none, \
            auto_unmount, exec, \
            X-mount.mkdir[=OCTAL], log=FILE|syslog|stderr, sandbox=off|auto|require, run_as=USER, ro. \
            Always nosuid and nodev, and noexec without exec.

            Exit codes: 0 mounted, 1 the source is damaged, or of a kind that ovafs does not read, \
            2 wrong usage, 3 the source cannot be read, 4 it cannot be mounted there.

            Example: ovafs mount -o X-mount.mkdir appliance.ova vm
            """)

    @Argument(
        help: """
            An OVA, an .ovf or the folder that holds it, or a disk image; the http(s) address of one; or an image of an \
            OpenStack cloud, glance:NAME or glance:ID, or all of them, glance:.
            """,
        completion: .file())
    var source: String

    @Argument(help: "The directory to mount on.", completion: .directory)
    var directory: String

    @Option(
        name: .short, parsing: .singleValue,
        help: ArgumentHelp("Mount options, separated by commas.", valueName: "options"),
        completion: .custom { words, index, _ in MountOptionCompletion.candidates(words, index) })
    var o: [String] = []

    @Flag(name: .shortAndLong, help: "Stay in the foreground.")
    var foreground = false

    @Option(help: .hidden)
    var readyDescriptor: Int32?

    /// How long a list of images is good, in seconds: for tests, which have no time.
    @Option(help: .hidden)
    var listLifetime: Double?

    /// What `mount.ova -f` asks for.
    @Flag(help: .hidden)
    var onlyCheckOptions = false

    func run() throws {
        var options = try MountOptions(o.map(RawArguments.bytes))
        try SourceLocator.checkHeaderFiles(of: options.remote)
        let folder = try RawArguments.path(directory)
        if options.mountPointMode == nil || !folder.isAbsent {
            _ = try MountPoint.prepared(folder)
        }
        guard !onlyCheckOptions else { return }
        guard foreground || readyDescriptor != nil else {
            Glibc.exit(try BackgroundLaunch.run(RawArguments.all))
        }
        // A server that is stopped because it writes to a terminal keeps all readers waiting.
        signal(SIGTTOU, SIG_IGN)
        if let readyDescriptor { BackgroundServer.endWithCaller(readyDescriptor) }
        let destination = options.log ?? (readyDescriptor == nil ? .standardError : .systemLog)
        if case .file(let log) = destination, let record = options.remote.recordFile,
            log.names(theSameAs: FilePath(bytes: record))
        {
            throw CommandFailure(status: .wrongUsage, message: "record= and log= name one file: \(log)")
        }
        if let record = options.remote.recordFile, FilePath(bytes: record).isBelow(folder) {
            throw CommandFailure(
                status: .wrongUsage, message: "record=: the mount would hide the file: name one elsewhere")
        }
        let openLog = try destination.open()
        // On a terminal there is a bar.
        let isBarShown = destination == .standardError && Terminal.canRedraw
        let unused = try Self.leaveOutRecords(of: &options.remote, for: source)
        // Whether it can be written is known before anything is opened.
        _ = try options.remote.recordFile.map { try RecordFile($0) }
        let broker = try startBroker(options, on: folder)
        // Also where nothing is mounted: who waits for this process waits for both.
        defer { broker.finish(wasOfUse: false) }
        let remote = RemoteSession(options.remoteSources)
        let entrance = try SandboxEntrance(
            for: source, cacheFolder: options.cacheFolder, user: options.user, through: remote)
        let sandbox = try Sandbox.enter(entrance.plan, options.sandbox)
        let background = try readyDescriptor.map(BackgroundServer.init(readyDescriptor:))
        if ImageReference.isCatalogue(source) {
            return try mountCatalogue(
                options, through: broker, background, remote, sandbox, log: try openLog.logger(sparing: []),
                warnings: unused)
        }
        let shown = SourceAddress.shown(source)
        let appliance = try Appliance.open(
            try entrance.located ?? SourceLocator.locate(source, through: remote), named: source,
            through: remote, options: options.appliance, words: .mount
        ) {
            isBarShown ? nil : try openLog.logger(sparing: Set([$0].compactMap(\.self)))
        }
        defer { appliance.stopPrefetching() }
        let log = try openLog.logger(sparing: appliance.openedFiles ?? [])
        if options.verifiesManifest { try verify(appliance, options) }
        for note in unused + remote.takeNotes(thenLoggingTo: log) {
            StandardError.write("warning: \(note)")
            if background != nil { log.warning("\(note)") }
        }
        for problem in appliance.problems {
            let line = OptionWords.mount.message(problem.message, problem.remedy)
            StandardError.write("warning: \(line)")
            if background != nil { log.warning("\(shown): \(line)") }
        }
        appliance.reportCacheProblems { [source] in log.warning("\(source): \($0)") }
        let statistics = ServerStatistics()
        let tree = try self.tree(of: appliance, options, statistics, remote.meter, sandbox)
        let server = FuseServer(tree: tree, options: options.session, statistics: statistics, log: log)
        let check = remote.checkMembers(of: appliance, log)
        defer { check?.stop() }
        let arrival = ArrivalCheck(of: appliance) { log.warning("\(shown): \($0)") }
        // Without a thread the disks are looked at when they are read.
        try? arrival?.start()
        defer { arrival?.stop() }
        let transfer = TransferLog(of: remote.meter, for: shown, log)
        defer { transfer?.stop() }
        try show(server, through: broker, options, background) {
            save(remote.recorder, through: broker, log)
        }
    }

    /// Leaves out `record=` and `replay=` of a source that is neither at an address nor one image of a cloud, as all
    /// options that mean nothing for a source.
    /// - Returns: What the user has to know of that.
    static func leaveOutRecords(of options: inout RemoteOptions, for source: String) throws -> [String] {
        if try !ImageReference.isCatalogue(source)
            && (SourceAddress.parse(source) != nil || ImageReference(source) != nil)
        {
            return []
        }
        let names = [options.recordFile.map { _ in "record" }, options.replayFile.map { _ in "replay" }]
        (options.recordFile, options.replayFile) = (nil, nil)
        return names.compactMap(\.self).map {
            "\($0)= is for one source, at an address or in a cloud, and does nothing here"
        }
    }

    private func save(_ recorder: ReadRecorder?, through broker: MountLink, _ log: Logger) {
        // Where nothing can be recorded, opening has said so.
        guard let reads = recorder?.reads else { return }
        do throws(ReadError) {
            guard try !broker.saveRecord(Array(reads.text.utf8)) else { return }
            log.notice("record=: the file keeps an earlier record of this version: this mount read no more")
        } catch {
            log.warning("\(error)")
        }
    }

    /// Checks every digest of the manifest before anything is shown; whatever was not checked fails.
    private func verify(_ appliance: Appliance, _ options: MountOptions) throws {
        let results = appliance.checkManifest(threadCount: options.threadCount ?? ProcessorCount.current)
        if let loss = results?.loss {
            throw CommandFailure(
                status: .cannotReadSource,
                message: "\(SourceAddress.shown(source)): verify=manifest: \(loss); not mounted")
        }
        let failures = VerificationFailure.ofManifest(of: appliance, results)
        guard let first = failures.first else { return }
        let more = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
        throw CommandFailure(
            status: .damaged,
            message: "\(SourceAddress.shown(source)): verify=manifest: \(first.message)\(more); not mounted")
    }

    private func tree(
        of appliance: Appliance, _ options: MountOptions, _ statistics: ServerStatistics,
        _ meter: RemoteMeter, _ sandbox: Sandbox
    ) throws -> FileTree {
        do throws(ReadError) {
            return try ApplianceTree.make(
                for: appliance, showsControlDirectory: options.controlDirectoryIsVisible,
                liveStatistics: {
                    MountStatistics(of: appliance, served: statistics, remote: meter, sandbox: sandbox).json()
                })
        } catch {
            throw CommandFailure(
                status: .damaged,
                message: OptionWords.mount.message("\(SourceAddress.shown(source)): \(error)", error.remedy))
        }
    }
}
