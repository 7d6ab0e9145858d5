// Carrying out a plan: one disk after the other, each on all cores.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import OVFPackage
import SystemPackage

/// The copies of one command while they are made. One thread owns it.
final class Extraction {
    /// The SOURCE argument, for messages.
    let source: String
    let threadCount: Int
    let overwrites: Bool
    let isDurable: Bool
    private let interruption = Interruption()
    /// The files that this command has made, or is writing.
    private var written: Set<FileNumber> = []

    init(source: String, threadCount: Int, overwrites: Bool, isDurable: Bool) {
        self.source = source
        self.threadCount = threadCount
        self.overwrites = overwrites
        self.isDurable = isDurable
    }

    /// Makes the folder that a plan needs, and takes it away again where nothing came to be in it.
    func inFolder<Result>(_ folder: FilePath?, _ body: () throws -> Result) throws -> Result {
        guard let folder else { return try body() }
        // Only an empty one goes.
        let undo: @Sendable (FilePath) -> String? = { folder in
            _ = unsafe folder.withPlatformString { unsafe rmdir($0) }
            return nil
        }
        return try interruption.guarding({ try make(folder) }, undo: undo) { folder in
            defer { _ = undo(folder) }
            return try body()
        }
    }

    private func make(_ folder: FilePath) throws -> FilePath {
        let result = unsafe folder.withPlatformString { unsafe mkdir($0, 0o777) }
        guard result == 0 else {
            let error = CopyError.output(call: "make the directory \(folder)", errno: errno)
            throw error.commandFailure(in: source)
        }
        return folder
    }

    /// Copies one disk; `label` is what the bar shows.
    /// - Throws: `CommandFailure` where the disk is not copied.
    /// - Returns: What is damaged and zeros in the copy; nil where nothing is.
    func copy(_ plan: CopyPlan.Copy, label: String) throws -> CommandFailure? {
        let place = "\(source): \(plan.subject.label)"
        try checkThatItEndsOnTheDisk(plan, place)
        var left: String?
        do throws(CopyError) {
            try decodeFirst(of: plan.bytes)
            let damage = plan.map == nil ? nil : DamageMap()
            try interruption.guarding(
                { () throws(CopyError) in try open(plan) }, undo: { output in output.discard() }
            ) { output throws(CopyError) in
                do throws(CopyError) {
                    try copy(plan, to: output, damage: damage, label: label)
                } catch {
                    left = output.discard()
                    forget(output)
                    throw error
                }
            }
            guard let damage, let map = plan.map, damage.byteCount > 0 else { return nil }
            let count = damage.places.count
            return CommandFailure(
                status: .damaged,
                message: "\(place): \(damage.byteCount) bytes in \(count) place\(count == 1 ? "" : "s") are "
                    + "damaged; the copy has zeros there, and \(map) lists them")
        } catch {
            if case .standardOutput = plan.destination, case .output(_, EPIPE) = error {
                // Whoever reads has what it wants, as in `| head`: the end that each filter has then.
                Interruption.end(by: SIGPIPE)
            }
            var failure = error.commandFailure(in: place)
            if plan.map == nil, case .source = error, failure.status == .damaged {
                failure = CommandFailure(
                    status: .damaged,
                    message: "\(failure.message); --damaged=zero keeps the disk with zeros there")
            }
            guard let left else { throw failure }
            throw CommandFailure(status: failure.status, message: "\(failure.message); \(left)")
        }
    }

    /// Decodes the first byte that is stored: where the system has no memory for that, the program ends before an output is
    /// begun. Damage is left to the copy, which may go on after it.
    private func decodeFirst(of bytes: any ByteSource) throws(CopyError) {
        do throws(ReadError) {
            guard let start = try bytes.firstOffset(of: .data, in: 0..<bytes.byteCount) else { return }
            _ = try bytes.bytes(1, at: start)
        } catch {
            guard error.isDamage else { throw .source(error) }
        }
    }

    /// What a partition has behind the end of its disk is damage; only a file can have the hole that stands for it.
    private func checkThatItEndsOnTheDisk(_ plan: CopyPlan.Copy, _ place: String) throws(CommandFailure) {
        guard let missing = plan.subject.missingEnd else { return }
        var advice = "--damaged=zero copies what is there"
        if plan.map != nil {
            if case .target(.file, _) = plan.destination { return }
            advice = "what is there can be copied to a file only"
        }
        throw CommandFailure(
            status: .damaged,
            message: "\(place): \(missing); \(advice)")
    }

    private func open(_ plan: CopyPlan.Copy) throws(CopyError) -> any CopyOutput {
        switch plan.destination {
        case .standardOutput:
            return OutputStream(.standardOutput, named: "standard output")
        case .target(let target, let path):
            try checkUnwritten(path)
            let output = try target.open(byteCount: plan.byteCount, overwrites: overwrites)
            remember(output)
            return output
        }
    }

    /// Makes sure that nothing that this command has made would be lost by a file at `path`, whatever other names the
    /// file system has for it.
    private func checkUnwritten(_ path: FilePath) throws(CopyError) {
        for name in [path, OutputFile.partialPath(for: path)] {
            if let number = FileNumber(at: name), written.contains(number) {
                throw .refused("\(name) is another output's name, too, on this file system")
            }
        }
    }

    private func remember(_ output: any CopyOutput) {
        if let file = output as? OutputFile { written.insert(file.number) }
    }

    /// The number of a file that is gone may be given to another.
    private func forget(_ output: any CopyOutput) {
        if let file = output as? OutputFile { written.remove(file.number) }
    }

    private func copy(
        _ plan: CopyPlan.Copy, to output: any CopyOutput, damage: DamageMap?, label: String
    ) throws(CopyError) {
        let copy = DiskCopy(of: plan.bytes, at: plan.subject.place, to: output, damage: damage)
        let bar = ProgressBar(label, of: plan.bytes.byteCount, moved: { copy.copiedByteCount }) {
            copy.progress
        }
        try bar.show { () throws(CopyError) in try copy.run(threadCount: threadCount) }
        if let damage, let path = plan.map {
            if plan.byteCount > plan.bytes.byteCount {
                try damage.note(plan.bytes.byteCount..<plan.byteCount)
            }
            try finish(output, withMap: mapText(damage, plan), at: path, byteCount: plan.byteCount)
        } else {
            try output.finish(isDurable: isDurable)
        }
    }

    /// Ends a copy that has a map: the map first, as zeros never stand under the disk's name without it. Where an earlier map
    /// is replaced, the disk before may have zeros in other places: until the new one has its name, the map says that
    /// nothing of it could be read.
    private func finish(
        _ output: any CopyOutput, withMap text: [UInt8], at path: FilePath, byteCount: UInt64
    ) throws(CopyError) {
        var isReplaced = false
        try interruption.guarding(
            { () throws(CopyError) -> OutputFile in
                try checkUnwritten(path)
                isReplaced = overwrites && !path.isAbsent
                if isReplaced { try cover(path, byteCount) }
                let map = try OutputFile(path: path, byteCount: 0, overwrites: overwrites)
                remember(map)
                return map
            },
            undo: { map in Self.takeBack(output, map) }
        ) { map throws(CopyError) in
            do throws(CopyError) {
                try map.write(text)
                if !isReplaced { try map.finish(isDurable: isDurable) }
                try output.finish(isDurable: isDurable)
                if isReplaced { try map.finish(isDurable: isDurable) }
            } catch {
                map.withdraw()
                forget(map)
                throw error
            }
        }
    }

    /// Takes back a disk, and its map unless the disk has its name; the disk first, so that it cannot get it meanwhile.
    /// - Returns: What is left behind of the one that is taken back last.
    static func takeBack(_ output: any CopyOutput, _ map: OutputFile) -> String? {
        let left = output.discard()
        return output.isFinished ? left : map.withdraw()
    }

    /// Puts a map in the place of another that says of all bytes that they could not be read.
    private func cover(_ path: FilePath, _ byteCount: UInt64) throws(CopyError) {
        let damage = DamageMap()
        if byteCount > 0 { try damage.note(0..<byteCount) }
        let map = try OutputFile(path: path, byteCount: 0, overwrites: true)
        do throws(CopyError) {
            try map.write(
                damage.text(byteCount: byteCount, comments: ["A copy was not completed: copy the disk anew"]))
            try map.finish(isDurable: isDurable)
        } catch {
            map.withdraw()
            throw error
        }
    }

    private func mapText(_ damage: DamageMap, _ plan: CopyPlan.Copy) -> [UInt8] {
        damage.text(
            byteCount: plan.byteCount,
            comments: [
                "Mapfile. Created by ovafs \(OVAFS.version)",
                "\(source.onOneLine), \(plan.subject.title.onOneLine): '-' could not be decoded and is zeros",
            ])
    }
}
