import Formats
import Foundation

/// The files beside the tests.
enum Resource {
    static func read(_ name: String, _ type: String) -> ByteString? {
        guard let url = Bundle.module.url(forResource: name, withExtension: type), let data = try? Data(contentsOf: url)
        else { return nil }
        return ByteString(data)
    }
}
