// Advice in the words of the command that gives it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Whose options a message speaks of.
enum OptionWords {
    /// `ovafs info` and `verify`: `--lenient`.
    case command
    /// `ovafs extract`, which has the same options and copies.
    case copy
    /// `ovafs mount` and mount(8): `-o lenient`.
    case mount

    /// What a user can do about something that was refused; nil where there is no option for it.
    func advice(_ remedy: Remedy?) -> String? {
        switch (remedy, self) {
        case (nil, _): nil
        case (.lenient, .command): "--lenient shows what is there"
        case (.lenient, .copy): "--lenient copies what is there"
        case (.lenient, .mount): "-o lenient shows what is there"
        case (.linksInside, .command), (.linksInside, .copy):
            "--links-inside follows links that stay in the folder"
        case (.linksInside, .mount): "-o links=inside follows links that stay in the folder"
        case (.openMemory, .command), (.openMemory, .copy): "--open-memory SIZE lets it have more"
        case (.openMemory, .mount): "-o open_memory=SIZE lets it have more"
        }
    }

    /// `message`, with the advice behind it where there is any.
    func message(_ message: String, _ remedy: Remedy?) -> String {
        advice(remedy).map { "\(message); \($0)" } ?? message
    }
}
