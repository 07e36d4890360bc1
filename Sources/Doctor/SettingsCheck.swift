internal import Formats
internal import Notes
internal import Planning
internal import Shim

extension LoadedSettings {
    /// Lines and variables that were ignored, and files that were not read.
    func findings() -> [Finding] {
        var findings = problems.map { Finding(.settingsInvalid, $0.text) }
        findings += unread.map { Finding(.settingsNotTrusted, $0.note.detail, path: $0.path) }
        switch settings.packageCache {
        case .readOnly: findings.append(Finding(.packagesReadOnly))
        case .readWrite: findings.append(Finding(.packagesShared))
        case .view, .off: break
        }
        guard findings.isEmpty else { return findings }
        let chosen = Settings.rows.filter { $0.show(settings) != $0.show(Settings()) }
        let text = chosen.map { $0.key + " = " + $0.show(settings) }.joined(separator: ", ")
        return [Finding(.settingsInOrder, text.isEmpty ? "the defaults" : text)]
    }
}
