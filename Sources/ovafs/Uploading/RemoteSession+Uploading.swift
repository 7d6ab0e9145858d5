// What an upload needs of a cloud.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import RemoteSources

extension RemoteSession {
    /// An upload to the images of `client` in which nothing may move for as long as `--timeout` says.
    /// - Throws: `CommandFailure` where there is no thread or no memory for it.
    func upload(to client: GlanceClient) throws -> GlanceUpload {
        do throws(ReadError) {
            return GlanceUpload(client, by: try transport(), silence: options.timeoutInSeconds)
        } catch {
            throw CommandFailure(status: .damaged, message: "\(error)")
        }
    }
}

extension CommandFailure {
    /// What it means that no image came of `subject`. A cloud that is away, or refuses, is an output that cannot be written.
    init(upload error: OpenStackError, of subject: String) {
        switch error.kind {
        case .settings, .misdescribed: self.init(status: .wrongUsage, message: error.description)
        case .unreadable(let reason):
            let status: ExitStatus =
                switch reason {
                case .system, .stale, .remote: .cannotReadSource
                default: .damaged
                }
            self.init(status: status, message: "\(subject): \(error); there is no image of it")
        default: self.init(status: .damaged, message: error.description)
        }
    }
}
