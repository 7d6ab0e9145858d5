// What the user's own files say of servers and clouds, read once and before a server gives up reading them.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import FoundationEssentials
import RemoteSources
import SystemPackage

/// Nil is what was not read yet.
struct RemoteSettings {
    var headers: [HTTPHeader]?
    var replayed: RecordedReads??
    var configuration: CloudsConfiguration?
}

extension RemoteSession {
    /// Reads all that `source` will need.
    /// - Throws: `CommandFailure` where something cannot be used.
    func readSettings(for source: String) throws {
        if try SourceAddress.parse(source) != nil {
            _ = try headers()
        } else if try ImageReference.isCatalogue(source) || ImageReference(source) != nil {
            _ = try cloudConfiguration()
        } else {
            return
        }
        _ = try replayed()
    }

    /// Those of the files that the user named.
    func headers() throws -> [HTTPHeader] {
        if let known = settings.withLock({ $0.headers }) { return known }
        var headers: [HTTPHeader] = []
        for file in options.headerFiles {
            headers += try HeaderFile.headers(at: try RawArguments.path(file)) { note($0) }
        }
        settings.withLock { [headers] in $0.headers = headers }
        return headers
    }

    /// The cloud that the user means.
    func cloudConfiguration() throws -> CloudsConfiguration {
        if let known = settings.withLock({ $0.configuration }) { return known }
        let search = ConfigurationSearch(environment: ProcessInfo.processInfo.environment)
        let configuration: CloudsConfiguration
        do throws(OpenStackError) {
            configuration = try CloudsConfiguration.read(cloud: options.cloud, from: search)
        } catch {
            throw CommandFailure(error)
        }
        for warning in configuration.warnings { note(warning) }
        settings.withLock { $0.configuration = configuration }
        return configuration
    }

    /// Nil where there is none; also where this mount writes the first one, as a line of fstab with both may.
    func replayed() throws -> RecordedReads? {
        if let known = settings.withLock({ $0.replayed }) { return known }
        let replayed = try readReplayed()
        settings.withLock { $0.replayed = .some(replayed) }
        return replayed
    }

    private func readReplayed() throws -> RecordedReads? {
        guard let bytes = options.replayFile else { return nil }
        let path = FilePath(bytes: bytes)
        if path.isAbsent, let record = options.recordFile, path.names(theSameAs: FilePath(bytes: record)) {
            note("replay=\(path): there is no record yet; record= writes the first one")
            return nil
        }
        return try RecordFile.reads(at: path)
    }
}
