// `ovafs extract`: copies disks as raw files, without a mount.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import Glibc
import SystemPackage

struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Copy disks as sparse raw files.",
        discussion: """
            Decodes on all cores. PATH is a directory that the raw files are put in, a file or a device where \
            there is one disk, or /dev/null. A file gets its name when it is complete; until then it is \
            called PATH.partial.
            """)

    @OptionGroup
    var source: SourceArguments

    @Argument(help: "Disks to copy, by id, file name or raw name; without any, all.")
    var disks: [String] = []

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Where to put them.", valueName: "path"), completion: .file())
    var output: String

    @Flag(name: .shortAndLong, help: "Replace files that are there already.")
    var force = false

    @Flag(
        help:
            "Give files their names only when they are on the disk, so that they outlast a crash of the machine."
    )
    var fsync = false

    @OptionGroup
    var threads: ThreadArguments

    func run() throws {
        let appliance = try source.open()
        let chosen = try chosenDisks(of: appliance)
        let outputPath = try RawArguments.path(output)
        let isDirectory = Self.isDirectory(outputPath)
        guard chosen.count == 1 || isDirectory else {
            throw CommandFailure(
                status: .wrongUsage,
                message:
                    "\(chosen.count) disks and one file: make the directory \(output) first, or name one disk"
            )
        }
        let names = Self.fileNames(of: chosen.map(\.disk))
        for ((disk, bytes), name) in zip(chosen, names) {
            let path = isDirectory ? outputPath.appending(name) : outputPath
            try copy(bytes, named: disk.rawFileName, to: path)
        }
    }

    private func copy(_ bytes: any ByteSource, named name: String, to path: FilePath) throws {
        do throws(CopyError) {
            let file = try OutputFile(path: path, byteCount: bytes.byteCount, overwrites: force)
            let copy = DiskCopy(of: bytes, to: file)
            let bar = ProgressBar(name, of: bytes.byteCount) { copy.progress }
            do throws(CopyError) {
                try bar.show { () throws(CopyError) in
                    try copy.run(threadCount: threads.count)
                }
                try file.finish(isDurable: fsync)
            } catch {
                file.discard()
                throw error
            }
        } catch {
            throw failure(error, disk: name, path: path)
        }
    }

    private func failure(_ error: CopyError, disk: String, path: FilePath) -> CommandFailure {
        switch error {
        case .output(_, EEXIST):
            CommandFailure(status: .wrongUsage, message: "\(path) is there already; --force replaces it")
        case .output(_, ESPIPE):
            CommandFailure(
                status: .wrongUsage, message: "\(path) is a pipe; disks are copied to files and devices only")
        case .output:
            CommandFailure(status: .damaged, message: error.description)
        case .source(.system), .source(.stale):
            CommandFailure(status: .cannotReadSource, message: "\(source.source): \(disk): \(error)")
        case .source:
            CommandFailure(status: .damaged, message: "\(source.source): \(disk): \(error)")
        }
    }

    /// The disks that were asked for, with their bytes.
    private func chosenDisks(
        of appliance: Appliance
    ) throws -> [(disk: ApplianceDisk, bytes: any ByteSource)] {
        let wanted = try disks.isEmpty ? appliance.disks : disks.map { try disk($0, of: appliance) }
        guard !wanted.isEmpty else {
            throw CommandFailure(status: .damaged, message: "\(source.source): there is no disk in it")
        }
        return try wanted.map { disk in
            guard let bytes = disk.source else {
                var message = "\(source.source): disk \(disk.identifier) is not decoded"
                if case .unreadable(let reason, let remedy) = disk.content {
                    message = OptionWords.command.message("\(message): \(reason)", remedy)
                }
                throw CommandFailure(status: .damaged, message: message)
            }
            return (disk, bytes)
        }
    }

    private func disk(_ name: String, of appliance: Appliance) throws -> ApplianceDisk {
        guard let disk = appliance.disks.first(where: { $0.isCalled(name) }) else {
            let known = appliance.disks.map(\.identifier).joined(separator: ", ")
            throw CommandFailure(
                status: .wrongUsage, message: "\(source.source) has no disk '\(name)'; it has \(known)")
        }
        return disk
    }

    /// What the raw files are called in a directory: as in a mount, with their folders in the name where two disks
    /// of different folders have one name.
    private static func fileNames(of disks: [ApplianceDisk]) -> [String] {
        let paths = disks.map { disk in (disk.rawPath ?? []).map { String(decoding: $0, as: UTF8.self) } }
        let names = paths.map { $0.last ?? "disk.raw" }
        return zip(names, paths).map { name, path in
            names.count(where: { $0 == name }) > 1 ? path.joined(separator: "_") : name
        }
    }

    private static func isDirectory(_ path: FilePath) -> Bool {
        var status = stat()
        let result = unsafe path.withPlatformString { unsafe stat($0, &status) }
        return result == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
