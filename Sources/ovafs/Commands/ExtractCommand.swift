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

    @Argument(help: "An OVA, an .ovf or the folder that holds it, or a disk image.", completion: .file())
    var source: String

    @Argument(help: "Disks to copy, by id, file name or raw name; without any, all.")
    var disks: [String] = []

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Where to put them.", valueName: "path"), completion: .file())
    var output: String

    @Flag(name: .shortAndLong, help: "Replace files that are there already.")
    var force = false

    @Option(help: ArgumentHelp("Threads that decode; without it, one a core.", valueName: "n"))
    var threads: Int?

    @Flag(help: "Open a package whose descriptor is missing or broken, too.")
    var lenient = false

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads takes a number from 1 to 256")
        }
    }

    func run() throws {
        var options = ApplianceOptions()
        options.isLenient = lenient
        let appliance = try Appliance.open(source, options: options)
        let chosen = try chosenDisks(of: appliance)
        let isDirectory = Self.isDirectory(output)
        guard chosen.count == 1 || isDirectory else {
            throw CommandFailure(
                status: .wrongUsage,
                message:
                    "\(chosen.count) disks and one file: make the directory \(output) first, or name one disk"
            )
        }
        for (disk, bytes) in chosen {
            let path = isDirectory ? FilePath(output).appending(disk.rawFileName) : FilePath(output)
            try copy(bytes, named: disk.rawFileName, to: path)
        }
    }

    private func copy(_ bytes: any ByteSource, named name: String, to path: FilePath) throws {
        do throws(ReadError) {
            let file = try OutputFile(path: path, byteCount: bytes.byteCount, overwrites: force)
            let copy = DiskCopy(of: bytes, to: file)
            let bar = ProgressBar(name, of: bytes.byteCount) { copy.progress }
            do throws(ReadError) {
                try bar.show { () throws(ReadError) in
                    try copy.run(threadCount: threads ?? ProcessorCount.current)
                }
                try file.finish()
            } catch {
                file.discard()
                throw error
            }
        } catch {
            throw failure(error, disk: name, path: path)
        }
    }

    private func failure(_ error: ReadError, disk: String, path: FilePath) -> CommandFailure {
        if case .system(_, EEXIST) = error {
            return CommandFailure(
                status: .wrongUsage, message: "\(path) is there already; --force replaces it")
        }
        let status: ExitStatus = if case .system = error { .cannotReadSource } else { .damaged }
        return CommandFailure(status: status, message: "\(source): \(disk): \(error)")
    }

    /// The disks that were asked for, with their bytes.
    private func chosenDisks(
        of appliance: Appliance
    ) throws -> [(disk: ApplianceDisk, bytes: any ByteSource)] {
        let wanted = try disks.isEmpty ? appliance.disks : disks.map { try disk($0, of: appliance) }
        guard !wanted.isEmpty else {
            throw CommandFailure(status: .damaged, message: "\(source): there is no disk in it")
        }
        return try wanted.map { disk in
            guard let bytes = disk.source else {
                let reason = if case .unreadable(let reason) = disk.content { reason } else { "" }
                throw CommandFailure(
                    status: .damaged, message: "\(source): disk \(disk.identifier) is not decoded: \(reason)")
            }
            return (disk, bytes)
        }
    }

    private func disk(_ name: String, of appliance: Appliance) throws -> ApplianceDisk {
        guard let disk = appliance.disks.first(where: { $0.isCalled(name) }) else {
            let known = appliance.disks.map(\.identifier).joined(separator: ", ")
            throw CommandFailure(
                status: .wrongUsage, message: "\(source) has no disk '\(name)'; it has \(known)")
        }
        return disk
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
