// The arguments that every command that opens a package takes, and opening it.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import Logging

/// What is opened, and how.
struct SourceArguments: ParsableArguments {
    @Argument(
        help: """
            An OVA, an .ovf or the folder that holds it, or a disk image; the http(s) address of one; or an image of an \
            OpenStack cloud, glance:NAME or glance:ID.
            """,
        completion: .file())
    var source: String

    @Flag(help: "Open a package whose descriptor is missing or broken, too.")
    var lenient = false

    @Flag(help: "Follow symbolic links of a folder package that stay inside the folder.")
    var linksInside = false

    @Option(
        help: ArgumentHelp(
            "Memory that opening may take, such as 512M; 256M without it.", valueName: "size"))
    var openMemory: MemorySize?

    @Option(
        help: ArgumentHelp(
            "A folder in which is kept what compressed files had to be decoded for, and what came from a server.",
            valueName: "dir"),
        completion: .directory)
    var cacheDir: String?

    @Option(
        help: ArgumentHelp(
            "What may be kept there, such as 1G; 10G without it.", valueName: "size"))
    var cacheDirSize: MemorySize?

    @OptionGroup
    var timeout: TimeoutArguments

    @Option(
        help: ArgumentHelp(
            "A file of header lines for the server of an address, such as 'Authorization: Bearer …'.",
            valueName: "file"), completion: .file())
    var headerFile: [String] = []

    @OptionGroup
    var cloud: CloudArguments

    /// The source as messages name it: of an address no user, password and query.
    var shownSource: String { SourceAddress.shown(source) }

    /// How the source is to be opened.
    var options: ApplianceOptions {
        get throws {
            var options = ApplianceOptions()
            options.isLenient = lenient
            options.followsLinksInside = linksInside
            if let openMemory { options.openingByteLimit = openMemory.byteCount }
            options.cacheFolder = try cacheDir.map { try RawArguments.bytes($0) }
            if let cacheDirSize { options.cacheFolderByteLimit = cacheDirSize.byteCount }
            return options
        }
    }

    /// Opens the source; an error gives advice in `words`. Where it `isConfined`, the process gives up before what it needs for
    /// nothing but reading this source.
    /// - Throws: `CommandFailure` with the exit code that fits.
    func open(words: OptionWords = .command, isConfined: Bool = false) throws -> Appliance {
        let remote = try remoteSession()
        var located: ApplianceSource?
        if isConfined {
            // All images of a cloud are no source of a command, whichever cloud that is.
            _ = try ImageReference(source)
            let entrance = try SandboxEntrance(
                for: source, cacheFolder: try options.cacheFolder, through: remote)
            try entrance.enterForCommand()
            located = entrance.located
        }
        let appliance = try Appliance.open(
            try located ?? SourceLocator.locate(source, through: remote), named: source, through: remote,
            options: options, words: words)
        for problem in appliance.cacheProblems + remote.takeNotes() {
            StandardError.write("warning: \(problem)")
        }
        return appliance
    }

    func remoteSession() throws -> RemoteSession {
        var options = RemoteOptions()
        timeout.apply(to: &options)
        options.cloud = cloud.osCloud
        options.headerFiles = headerFile
        options.cacheFolder = try cacheDir.map { try RawArguments.bytes($0) }
        if let cacheDirSize { options.cacheFolderByteLimit = cacheDirSize.byteCount }
        return RemoteSession(options)
    }

    /// Reads the header of the disk image that is the source.
    /// - Throws: `CommandFailure` with the exit code that fits.
    func openHeader() throws -> HeaderSummary {
        let remote = try remoteSession()
        let located = try SourceLocator.locate(source, through: remote)
        for note in remote.takeNotes() { StandardError.write("warning: \(note)") }
        do throws(ApplianceError) {
            return try HeaderSummary(of: located, lenient: lenient)
        } catch {
            let failure = CommandFailure(error, about: shownSource, words: .command)
            guard error.kind == .damaged, error.remedy == nil, try canBeOpened(located) else { throw failure }
            throw CommandFailure(
                status: failure.status,
                message: "\(failure.message); 'ovafs info' without --header reads more")
        }
    }

    /// Whether more than the header helps. Of what opening would decode, or bring over a network, that is not tried.
    private func canBeOpened(_ located: ApplianceSource) throws -> Bool {
        switch located {
        case .remote: return true
        case .file(let file, _, _):
            let head = try? file.bytes(
                Int(min(UInt64(CompressionFormat.headByteCount), file.byteCount)), at: 0)
            if let head, CompressionFormat(firstBytes: head) != nil { return true }
        case .folder: break
        }
        let opened = try? Appliance.open(located, options: try options)
        opened?.stopPrefetching()
        return opened != nil
    }
}

extension Appliance {
    /// Opens what a SOURCE argument names, and shows how far that is, in a log where `log` has one for the file that the
    /// source is; an error gives advice in `words`.
    /// - Throws: `CommandFailure` with the exit code that fits.
    static func open(
        _ argument: String, through remote: RemoteSession, options: ApplianceOptions, words: OptionWords,
        log: (FileNumber?) throws -> Logger? = { _ in nil }
    ) throws -> Appliance {
        let located = try SourceLocator.locate(argument, through: remote)
        return try open(
            located, named: argument, through: remote, options: options, words: words, log: log)
    }

    /// The same of what was located by its name.
    static func open(
        _ located: ApplianceSource, named argument: String, through remote: RemoteSession,
        options: ApplianceOptions, words: OptionWords, log: (FileNumber?) throws -> Logger? = { _ in nil }
    ) throws -> Appliance {
        let argument = SourceAddress.shown(argument)
        SourceAddress.hideSecretsInArguments()
        // Before anything that opening may say.
        if let number = located.number { try StandardDescriptors.spare([number], of: argument) }
        let display = OpeningDisplay(source: argument, log: try log(located.number))
        var options = options
        options.progress = display.progress
        options.openingThreadCount = max(options.openingThreadCount, ProcessorCount.current)
        // Said once.
        if remote.lacksCacheFolder { options.cacheFolder = nil }
        let appliance: Appliance
        do throws(ApplianceError) {
            appliance = try display.show { () throws(ApplianceError) in try open(located, options: options) }
        } catch {
            throw CommandFailure(error, about: argument, words: words)
        }
        do {
            try StandardDescriptors.spare(appliance.openedFiles ?? [], of: argument)
        } catch {
            appliance.stopPrefetching()
            throw error
        }
        return appliance
    }
}

extension ApplianceSource {
    /// The file that it is; nil for a folder.
    fileprivate var number: FileNumber? {
        guard case .file(let source, _, _) = self else { return nil }
        return (source as? LocalFile)?.number
    }
}

extension CommandFailure {
    /// What is said of a source that cannot be opened, with advice in `words`.
    fileprivate init(_ error: ApplianceError, about argument: String, words: OptionWords) {
        let status: ExitStatus =
            switch error.kind {
            case .unreadable, .tooManyOpenFiles: .cannotReadSource
            case .damaged: .damaged
            }
        let limit =
            error.kind == .tooManyOpenFiles
            ? "; \(ProcessSettings.openFileLimit) may be open: raise the hard limit of ulimit -n" : ""
        let text = Self.text(error.description, about: argument)
        self.init(status: status, message: words.message("\(text)\(limit)", error.remedy))
    }

    /// `description` with the source named once, as the user wrote it: what speaks of the file by its last name gets the
    /// whole argument in its place.
    static func text(_ description: String, about argument: String) -> String {
        let name = argument.split(separator: "/").last.map(String.init) ?? argument
        for lead in ["", "not supported: "] where description.hasPrefix(lead + name) {
            let rest = description.dropFirst(lead.count + name.count)
            if let next = rest.first, " :,".contains(next) { return "\(lead)\(argument)\(rest)" }
        }
        return "\(argument): \(description)"
    }
}

/// How many threads a command may use.
struct ThreadArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Threads that do the work; without it, one per core.", valueName: "n"))
    var threads: Int?

    /// The number that was given, else that of the cores.
    var count: Int { threads ?? ProcessorCount.current }

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads takes a number from 1 to 256")
        }
    }
}
