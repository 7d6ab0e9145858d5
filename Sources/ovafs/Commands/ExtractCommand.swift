// `ovafs extract`: copies disks as raw files, without a mount.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import Glibc
import OVFPackage
import SystemPackage

struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Copy disks, partitions and snapshots as sparse raw files.",
        discussion: """
            Decodes on all cores. PATH is a directory that the raw files are put in (with a slash at its end it \
            is made where it is not there), or, for one disk, a file, a block device, /dev/null, or - for \
            standard output. A file gets its name when it is complete; until then it is called PATH.partial. \
            Digests are not checked: 'ovafs verify' does that. DISK may also be a partition or a snapshot.

            Exit codes: 0 all was copied as it is, 1 a disk is damaged, or of a kind that ovafs does not read, or an \
            output cannot be written, 2 wrong usage or a file that is there already, 3 the source cannot be read.

            Example: ovafs extract appliance.ova -o disks/
            """)

    @OptionGroup
    var source: SourceArguments

    @Argument(
        help:
            "Disks to copy, by id, file name or raw name, or partitions and snapshots by the path that info shows; without any, all disks.",
        completion: .custom { words, _, _ in DiskNameCompletion.candidates(words) })
    var disks: [String] = []

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Where to put them.", valueName: "path"), completion: .file())
    var output: String

    @Flag(name: .shortAndLong, help: "Replace files that are there already, and overwrite a block device.")
    var force = false

    @Flag(
        help:
            "Give files their names only when they are on the disk, so that they outlast a crash of the machine."
    )
    var fsync = false

    @Flag(help: "Go on with the next disk where one cannot be copied; the exit code still says so.")
    var keepGoing = false

    @Option(
        help: ArgumentHelp(
            """
            What damage does: 'stop' ends the copy of the disk, 'zero' fills damaged places with zeros and lists \
            them in PATH.map, for ddrescue; the exit code is 1 either way.
            """, valueName: "stop|zero"))
    var damaged = DamageAnswer.stop

    @Option(
        help: ArgumentHelp("Where --damaged=zero lists what it fills.", valueName: "file"),
        completion: .file())
    var map: String?

    @OptionGroup
    var threads: ThreadArguments

    enum DamageAnswer: String, CaseIterable, ExpressibleByArgument {
        case stop
        case zero
    }

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("--output needs a path") }
        if let options = OptionSpelling.commandOptions(for: output), unsafe access(output, F_OK) != 0 {
            throw ValidationError(
                "-o says where the copies go: for the option of mount write '\(options)', for a file './\(output)'"
            )
        }
    }

    func run() throws {
        let appliance = try source.open(words: .copy)
        defer { appliance.stopPrefetching() }
        let chosen = try DiskChoice(appliance: appliance, source: source.shownSource).subjects(named: disks)
        var failures: [CommandFailure] = []
        for subject in chosen where subject.bytes == nil {
            failures.append(notDecoded(subject.disk))
            guard keepGoing else { throw failures[0] }
        }
        let decoded = chosen.compactMap { subject in subject.bytes.map { (subject, $0) } }
        let plan = try CopyPlan(decoded, of: chosen.count, wishes(for: appliance))
        for subject in chosen {
            for warning in subject.notes {
                let note = "note: \(subject.title): \(warning.message)"
                StandardError.write(OptionWords.copy.message(note, warning.remedy))
            }
        }
        failures += try copy(plan)
        try finish(failures, of: chosen)
    }

    /// Carries out the plan.
    /// - Returns: What went wrong, where the user wants to go on.
    private func copy(_ plan: CopyPlan) throws -> [CommandFailure] {
        let extraction = Extraction(
            source: source.shownSource, threadCount: threads.count, overwrites: force, isDurable: fsync)
        var failures: [CommandFailure] = []
        try extraction.inFolder(plan.newFolder) {
            for (index, copy) in plan.copies.enumerated() {
                let number = plan.copies.count > 1 ? "[\(index + 1)/\(plan.copies.count)] " : ""
                do {
                    let damage = try extraction.copy(copy, label: number + copy.subject.label)
                    if let damage { failures.append(damage) }
                } catch let failure as CommandFailure {
                    guard keepGoing else { throw failure }
                    failures.append(failure)
                }
            }
        }
        return failures
    }

    /// Says what went wrong: a line each, and how many copies are whole.
    private func finish(_ failures: [CommandFailure], of chosen: [CopySubject]) throws {
        guard let first = failures.first else { return }
        guard chosen.count > 1 else { throw first }
        for failure in failures { StandardError.write(failure.message) }
        let wholeCount = chosen.count - failures.count
        throw CommandFailure(
            status: failures.contains { $0.status == .damaged } ? .damaged : first.status,
            message: "\(source.shownSource): \(wholeCount) of \(chosen.count) \(CopyPlan.noun(for: chosen)) "
                + "\(wholeCount == 1 ? "was" : "were") copied whole")
    }

    private func wishes(for appliance: Appliance) throws -> CopyPlan.Wishes {
        guard let sources = appliance.openedFiles else {
            throw CommandFailure(
                status: .cannotReadSource,
                message:
                    "\(source.shownSource): cannot tell which files it is read from, so nothing is written")
        }
        return CopyPlan.Wishes(
            output: try RawArguments.bytes(output), overwrites: force, fillsDamage: damaged == .zero,
            map: try map.map(RawArguments.path),
            sources: sources)
    }

    private func notDecoded(_ disk: ApplianceDisk) -> CommandFailure {
        var message = "\(source.shownSource): disk \(disk.identifier) is not decoded"
        if case .unreadable(let reason, let remedy) = disk.content {
            message = OptionWords.copy.message("\(message): \(reason)", remedy)
        }
        return CommandFailure(status: .damaged, message: message)
    }
}
