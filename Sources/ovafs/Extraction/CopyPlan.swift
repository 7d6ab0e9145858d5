// What is to be copied where, looked at as a whole before the first byte is written.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import OVFPackage
import SystemPackage

/// The copies of one command.
struct CopyPlan {
    struct Copy {
        let subject: CopySubject
        let bytes: any ByteSource
        let destination: Destination
        /// Where damaged places are listed; nil where damage ends the copy.
        let map: FilePath?

        /// The length of the copy; more than there is to be copied where a partition goes on behind the end of its disk.
        var byteCount: UInt64 {
            let (sum, overflow) = bytes.byteCount.addingReportingOverflow(subject.missingByteCount)
            return overflow ? .max : sum
        }
    }

    enum Destination {
        case target(OutputTarget, FilePath)
        case standardOutput
    }

    /// What the user asked for.
    struct Wishes {
        /// The `--output` argument's bytes.
        let output: [UInt8]
        let overwrites: Bool
        let fillsDamage: Bool
        let map: FilePath?
        /// The files that the disks are read from.
        let sources: Set<FileNumber>
    }

    private(set) var copies: [Copy] = []
    /// A folder to be made first.
    private(set) var newFolder: FilePath?
    private var names = OutputNames()

    /// Plans to copy `subjects`, the decodable ones of `chosenCount`, and changes nothing.
    /// - Throws: `CommandFailure` where a copy cannot be begun.
    init(_ subjects: [(CopySubject, any ByteSource)], of chosenCount: Int, _ wishes: Wishes) throws {
        let noun = Self.noun(for: subjects.map(\.0))
        guard wishes.map == nil || wishes.fillsDamage else {
            throw Self.usage("--map says where to list what --damaged=zero fills; give both")
        }
        guard wishes.map == nil || chosenCount == 1 else {
            throw Self.usage("--map is for one copy, and \(chosenCount) are to be copied; name one")
        }
        let name = String(decoding: wishes.output, as: UTF8.self)
        guard wishes.output != Array("-".utf8) else {
            try planStandardOutput(subjects, of: chosenCount, wishes)
            return
        }
        let path = FilePath(bytes: wishes.output)
        try Self.checkFolder(of: path)
        let isFolder = try isFolder(path, wishes)
        guard isFolder || chosenCount == 1 else {
            guard !Self.isDevice(path) else {
                let names = subjects.map { $0.0.isPart ? $0.0.label : $0.0.disk.identifier }
                throw Self.usage(
                    "\(chosenCount) \(noun) and one device: name one of \(DiskChoice.list(names))")
            }
            throw Self.usage(
                "\(chosenCount) \(noun) and one file: write '\(name)/' for a folder, or name one")
        }
        if isFolder { try Self.checkNames(of: subjects.map(\.0)) }
        for (subject, bytes) in subjects {
            let path = isFolder ? path.file(named: subject.fileName) : path
            do throws(CopyError) {
                try add(subject, bytes, to: path, wishes)
            } catch {
                throw error.commandFailure(in: "")
            }
        }
    }

    private mutating func planStandardOutput(
        _ subjects: [(CopySubject, any ByteSource)], of chosenCount: Int, _ wishes: Wishes
    ) throws {
        guard chosenCount == 1 else {
            throw Self.usage("standard output takes one copy, and \(chosenCount) are to be copied; name one")
        }
        guard isatty(1) == 0 else {
            throw Self.usage("standard output is a terminal; disks go to files, devices and pipes")
        }
        guard !wishes.fillsDamage || wishes.map != nil else {
            throw Self.usage("--damaged=zero lists what it fills: with '-o -', --map FILE says where")
        }
        for (subject, bytes) in subjects {
            do throws(CopyError) {
                if let map = wishes.map { try checkMap(map, of: nil, wishes) }
            } catch {
                throw error.commandFailure(in: "")
            }
            copies.append(Copy(subject: subject, bytes: bytes, destination: .standardOutput, map: wishes.map))
        }
    }

    /// A slash at the end means a folder, which is made where there is none; without one, a folder is what is one.
    private mutating func isFolder(_ path: FilePath, _ wishes: Wishes) throws -> Bool {
        let kind = path.kind
        if kind == S_IFDIR { return true }
        guard wishes.output.last == UInt8(ascii: "/") else { return false }
        guard kind == nil else { throw Self.usage("\(path) is not a directory") }
        newFolder = path
        return true
    }

    private mutating func add(
        _ subject: CopySubject, _ bytes: any ByteSource, to path: FilePath, _ wishes: Wishes
    ) throws(CopyError) {
        let target = try OutputTarget(at: path, overwrites: wishes.overwrites, sources: wishes.sources)
        if case .file = target { try names.take(path) }
        var map = wishes.map
        if wishes.fillsDamage, map == nil {
            guard case .file = target else {
                throw .refused(
                    "--damaged=zero lists what it fills: as \(path) is no file, --map FILE has to say where")
            }
            map = FilePath(bytes: path.bytes + Array(".map".utf8))
        }
        if let map { try checkMap(map, of: path, wishes) }
        copies.append(Copy(subject: subject, bytes: bytes, destination: .target(target, path), map: map))
    }

    private mutating func checkMap(
        _ path: FilePath, of disk: FilePath?, _ wishes: Wishes
    ) throws(CopyError) {
        guard case .file = try OutputTarget(at: path, overwrites: wishes.overwrites, sources: wishes.sources)
        else { throw .refused("\(path) is no file that a map could be written to") }
        try names.take(path, writtenWith: disk)
    }

    /// Makes sure that all copies of one folder have names of their own.
    private static func checkNames(of subjects: [CopySubject]) throws {
        var labels: [[UInt8]: String] = [:]
        for subject in subjects {
            guard let other = labels.updateValue(subject.label, forKey: subject.fileName) else { continue }
            throw usage(
                "\(other) and \(subject.label) would both be called \(String(displaying: subject.fileName)): "
                    + "copy them one by one")
        }
    }

    /// Says of a folder that is not there what to do, before anything is opened in it.
    private static func checkFolder(of path: FilePath) throws {
        let folder = path.removingLastComponent()
        guard !folder.isEmpty, folder.isAbsent else { return }
        throw usage("\(folder) does not exist; make it first")
    }

    /// What several of `subjects` are.
    static func noun(for subjects: [CopySubject]) -> String {
        subjects.contains(where: \.isPart) ? "disks and parts" : "disks"
    }

    private static func isDevice(_ path: FilePath) -> Bool {
        path.kind.map { [S_IFBLK, S_IFCHR].contains($0) } ?? false
    }

    private static func usage(_ message: String) -> CommandFailure {
        CommandFailure(status: .wrongUsage, message: message)
    }
}

extension CopyError {
    /// How a command ends after it; `place` says what was being copied.
    func commandFailure(in place: String) -> CommandFailure {
        switch self {
        case .exists, .refused: CommandFailure(status: .wrongUsage, message: description)
        case .output: CommandFailure(status: .damaged, message: description)
        case .source(.system), .source(.stale), .source(.remote):
            CommandFailure(status: .cannotReadSource, message: "\(place): \(self)")
        case .source, .tooManyDamages: CommandFailure(status: .damaged, message: "\(place): \(self)")
        }
    }
}
