/** The web components: `<script type="module" src="…/elements.js">`. */
export {};
