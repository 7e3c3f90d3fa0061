// The smallest house for Element's room view: no welcome page, no updates, no notifications.
import "@vector-im/compound-design-tokens/assets/web/css/compound-design-tokens.css";
import "@vector-im/compound-web/dist/style.css";
import { createElement } from "react";
import { render } from "react-dom";
import SdkConfig from "matrix-react-sdk/src/SdkConfig";

const server = localStorage.getItem("mx_hs_url");
SdkConfig.put({
    brand: "Chat",
    default_server_config: { "m.homeserver": { base_url: server } },
    validated_server_config: { hsUrl: server, hsName: "localhost", isUrl: "", isDefault: true },
    default_theme: "dark",
    features: { feature_release_announcement: false },
    setting_defaults: { layout: "group", "Images.size": "large" },
});
// Only now: much of Element reads its settings while it is loaded.
const { default: BasePlatform } = await import("matrix-react-sdk/src/BasePlatform");
const { default: PlatformPeg } = await import("matrix-react-sdk/src/PlatformPeg");
const { default: MatrixChat } = await import("matrix-react-sdk/src/components/structures/MatrixChat");
const { setLanguage } = await import("matrix-react-sdk/src/languageHandler");

class Platform extends BasePlatform {
    getConfig = async () => SdkConfig.get();
    getDefaultDeviceDisplayName = () => "Phone";
    getHumanReadableName = () => "Phone";
    requestNotificationPermission = async () => "denied";
    getAppVersion = async () => "0";
    reload = () => window.location.reload();
}

// Element leaves it to a service worker of its house to fetch media as one who is signed in.
const [open, signed_in] = ["/_matrix/media/v3/download/", "/_matrix/client/v1/media/download/"];
const authorization = `Bearer ${localStorage.getItem("mx_access_token")}`;
const plain = window.fetch;
window.fetch = (address, options = {}) => {
    if (!String(address).includes(open)) return plain(address, options);
    const headers = { ...options.headers, authorization };
    return plain(String(address).replace(open, signed_in), { ...options, headers });
};

PlatformPeg.set(new Platform());
await setLanguage(["en"]);
const screen = { screen: window.location.hash.slice(2) }; // #/room/!id
const properties = {
    config: SdkConfig.get(),
    defaultDeviceDisplayName: "Phone",
    initialScreenAfterLogin: screen,
    onNewScreen: () => {},
    onTokenLoginCompleted: () => {},
    realQueryParams: {},
    startingFragmentQueryParams: {},
};
window.matrixChat = render(createElement(MatrixChat, properties), document.getElementById("matrixchat"));
